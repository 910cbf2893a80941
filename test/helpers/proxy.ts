/** A TCP proxy that can cut what goes through it, as a network does. */
import { connect, createServer } from 'node:net';
import type { Socket } from 'node:net';
import { once } from 'node:events';
import { atEnd } from './servers.ts';
import type { Ending } from './servers.ts';

export interface Proxy {
  /** The given address with the proxy's host and port in it. */
  url: string;
  /** Cuts every connection; new ones are let through. */
  cut(): void;
  /** Takes new connections, and lets nothing of them through until `release`. */
  hold(): void;
  release(): void;
  /** Keeps connections open and lets nothing through any more, in either direction. */
  freeze(): void;
  /**
   * From the first request on whose bytes hold this (latin1), nothing comes back on its connection: what it asked for
   * happens, and its answer is lost. Until `cut`; null lets answers through on new connections again.
   */
  withholdAnswersTo(bytes: string | null): void;
  /** Connections whose answers were withheld so far. */
  withheld(): number;
  /** Cuts every connection and refuses new ones until `open`. */
  close(): void;
  open(): void;
  /** Connections that were opened so far. */
  count(): number;
}

/** In front of the host and port of an address. */
export async function proxyTo(t: Ending, target: string): Promise<Proxy> {
  const url = new URL(target);
  const port = url.port === '' ? 5672 : Number(url.port);
  const { hostname } = url;
  const pairs = new Set<readonly [Socket, Socket]>();
  let isOpen = true;
  let count = 0;
  let held: (() => void)[] | null = null;
  let fatal: string | null = null;
  let withheld = 0;

  const server = createServer((near) => {
    near.on('error', () => {});
    if (!isOpen) return void near.destroy();
    count += 1;
    const far = connect(port, hostname);
    const pair = [near, far] as const;
    pairs.add(pair);
    far.on('error', () => {});
    const end = () => {
      pairs.delete(pair);
      near.destroy();
      far.destroy();
    };
    near.on('close', end);
    far.on('close', end);
    const letThrough = () => {
      near.pipe(far);
      far.pipe(near);
      // The end of what came before belongs to it: a request may come in pieces.
      let before = '';
      let isLost = false;
      near.on('data', (chunk: Buffer) => {
        if (fatal === null || isLost) return;
        const seen = before + chunk.toString('latin1');
        before = seen.slice(-fatal.length);
        if (!seen.includes(fatal)) return;
        isLost = true;
        withheld += 1;
        far.unpipe(near);
        far.resume();
      });
    };
    if (held === null) letThrough();
    else held.push(letThrough);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = () => {
    for (const [near, far] of pairs) {
      near.destroy();
      far.destroy();
    }
  };
  atEnd(t, () => {
    cut();
    server.close();
  });
  const bound = server.address();
  url.host = `127.0.0.1:${typeof bound === 'object' ? bound?.port : ''}`;
  return {
    url: url.toString(),
    cut,
    hold() {
      held = [];
    },
    release() {
      for (const letThrough of held ?? []) letThrough();
      held = null;
    },
    freeze() {
      for (const [near, far] of pairs) {
        near.unpipe(far);
        far.unpipe(near);
        near.pause();
        far.pause();
      }
    },
    withholdAnswersTo(bytes) {
      fatal = bytes;
    },
    withheld: () => withheld,
    close() {
      isOpen = false;
      cut();
    },
    open() {
      isOpen = true;
    },
    count: () => count,
  };
}
