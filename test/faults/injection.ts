/** A TCP proxy that puts bytes of its own among those of the client. */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { Socket } from 'node:net';
import { atEnd } from '../helpers/servers.ts';
import type { Ending } from '../helpers/servers.ts';

export interface InjectingProxy {
  /** The given address with the proxy's host and port in it. */
  url: string;
  /** Sends these bytes to the server, on each connection that stands. Between two writes of the client, which are whole frames. */
  inject(bytes: Buffer): void;
}

/** In front of the host and port of an address, until the scenario ends. */
export async function injectingProxy(t: Ending, target: string): Promise<InjectingProxy> {
  const url = new URL(target);
  const upstream = { port: Number(url.port || 5672), host: url.hostname };
  const pairs = new Map<Socket, Socket>();
  const server = createServer((near) => {
    const far = connect(upstream);
    pairs.set(near, far);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      one.on('error', () => {});
      one.on('data', (chunk: Buffer) => other.write(chunk));
      one.on('close', () => {
        pairs.delete(near);
        other.destroy();
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  atEnd(t, () => {
    for (const near of pairs.keys()) near.destroy();
    server.close();
  });
  const bound = server.address();
  url.host = `127.0.0.1:${typeof bound === 'object' ? bound?.port : ''}`;
  return {
    url: url.toString(),
    inject(bytes) {
      for (const far of pairs.values()) far.write(bytes);
    },
  };
}

/** `basic.ack` of a delivery that there never was (AMQP 0-9-1 §2.3.5, class 60, method 80): the broker closes the channel. */
export function ackOfNothing(channel: number): Buffer {
  const frame = Buffer.alloc(21);
  frame.writeUInt8(1, 0);
  frame.writeUInt16BE(channel, 1);
  frame.writeUInt32BE(13, 3);
  frame.writeUInt16BE(60, 7);
  frame.writeUInt16BE(80, 9);
  frame.writeBigUInt64BE(999_999_999n, 11);
  frame.writeUInt8(0, 19);
  frame.writeUInt8(0xce, 20);
  return frame;
}
