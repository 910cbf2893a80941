/**
 * Legacy systems on raw sockets: they write the bytes of HTTP themselves, and share nothing with the simulator, so that what both
 * get wrong in the same way is seen.
 */
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { atEnd, type Ending } from './servers.ts';

export interface Heard {
  method: string;
  target: string;
  /** Names in small letters. */
  headers: ReadonlyMap<string, string>;
  body: string;
}

export interface SocketSystem {
  url: string;
  heard: Heard[];
  /** How many connections were opened. */
  connections: () => number;
  stop(): Promise<void>;
  /** On the same port. */
  start(): Promise<void>;
}

/** Bytes to be written; null: the connection is cut. `close`: it is closed after them, without a word. */
export type Reply = string | Buffer | { close: string } | null;

/** Serves on a free port until the test ends. */
export async function socketSystem(
  t: Ending,
  reply: (request: Heard) => Reply | Promise<Reply>,
): Promise<SocketSystem> {
  const open = new Set<Socket>();
  const heard: Heard[] = [];
  let connections = 0;
  const serve = (socket: Socket): void => {
    connections += 1;
    open.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => open.delete(socket));
    let pending = '';
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      pending += chunk;
      const request = requestIn(pending);
      if (request === null) return;
      pending = '';
      heard.push(request);
      void Promise.resolve(reply(request)).then((bytes) => {
        if (bytes === null) socket.destroy();
        else if (typeof bytes === 'string' || Buffer.isBuffer(bytes)) socket.write(bytes);
        else socket.end(bytes.close);
      });
    });
  };
  let server = createServer(serve);
  const listen = async (port: number): Promise<number> => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    const bound = server.address();
    return typeof bound === 'object' && bound !== null ? bound.port : 0;
  };
  const port = await listen(0);
  const stop = async (): Promise<void> => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    for (const socket of open) socket.destroy();
    await closed;
  };
  atEnd(t, stop);
  return {
    url: `http://127.0.0.1:${port}`,
    heard,
    connections: () => connections,
    stop,
    async start() {
      server = createServer(serve);
      await listen(port);
    },
  };
}

function requestIn(text: string): Heard | null {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return null;
  const [first = '', ...lines] = text.slice(0, end).split('\r\n');
  const headers = new Map(
    lines.map((line): [string, string] => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const body = text.slice(end + 4);
  if (body.length < Number(headers.get('content-length') ?? 0)) return null;
  const [method = '', target = ''] = first.split(' ');
  return { method, target, headers, body: Buffer.from(body, 'latin1').toString() };
}

/** An answer as bytes; its body is text, bytes, or what is written as JSON. */
export function http(status: number, body: unknown = '', headers: Record<string, string> = {}) {
  const isRaw = typeof body === 'string' || Buffer.isBuffer(body);
  const bytes = Buffer.from(isRaw ? body : JSON.stringify(body));
  const all = { 'Content-Length': String(bytes.length), ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([Buffer.from(`HTTP/1.1 ${status} x\r\n${lines.join('')}\r\n`), bytes]);
}
