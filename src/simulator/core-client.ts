// The adaptation layer's side of the core's protocol: one connection, commands pipelined, those of one turn of the event
// loop sent in one write. The connection is made again whenever it is lost.
import { createConnection, type Socket } from 'node:net';
import { createLineSplitter, formatLine, parseLine } from './protocol.ts';

export type CoreAnswer =
  | { kind: 'answer'; fields: string[] }
  /** `sent`: the command had left, so the core may have carried it out */
  | { kind: 'down'; sent: boolean };

export interface CoreClient {
  /** One command; never throws. */
  ask(fields: readonly string[]): Promise<CoreAnswer>;
  /** Resolves once connected; tries until then, and again whenever the connection is lost. */
  connect(port: number): Promise<void>;
  /** Takes no more commands, waits for the answers still due, and leaves. */
  disconnect(): Promise<void>;
}

/** Pause between attempts to reach a core that is down, milliseconds. */
const reconnectMs = 100;

export function createCoreClient(host: string): CoreClient {
  let socket: Socket | null = null;
  let line: Pipeline | null = null;
  let wanted = false;
  let retry: NodeJS.Timeout | null = null;

  const attempt = (port: number, connected: () => void): void => {
    const fresh = createConnection({ host, port, noDelay: true });
    socket = fresh;
    fresh.on('connect', () => {
      line = createPipeline(fresh);
      connected();
    });
    fresh.on('error', () => fresh.destroy()); // 'close' follows, and tries again
    fresh.on('close', () => {
      line = null;
      if (wanted) retry = setTimeout(() => attempt(port, connected), reconnectMs);
    });
  };

  return {
    ask: (fields) => line?.ask(fields) ?? Promise.resolve({ kind: 'down', sent: false }),
    connect(port) {
      wanted = true;
      return new Promise((connected) => attempt(port, connected));
    },
    async disconnect() {
      wanted = false;
      if (retry !== null) clearTimeout(retry);
      const leaving = line;
      line = null; // from here on the layer finds the core down
      await leaving?.drain();
      socket?.destroy();
    },
  };
}

interface Pipeline {
  ask(fields: readonly string[]): Promise<CoreAnswer>;
  /** Resolves when nothing is waiting for an answer. */
  drain(): Promise<void>;
}

type Waiting = (answer: CoreAnswer) => void;

function createPipeline(socket: Socket): Pipeline {
  const split = createLineSplitter();
  let lines: string[] = []; // not yet written, their askers the last ones waiting
  const waiting: Waiting[] = []; // in the order of asking, which is the order of the answers
  let drained: (() => void) | null = null;

  const write = (): void => {
    const text = lines.join('');
    lines = [];
    if (!socket.destroyed) socket.write(text);
  };
  const settle = (answer: CoreAnswer): void => {
    waiting.shift()?.(answer);
    if (waiting.length === 0) drained?.();
  };

  socket.setEncoding('latin1');
  socket.on('data', (chunk: string) => {
    try {
      for (const line of split(chunk)) settle({ kind: 'answer', fields: parseLine(line) });
    } catch {
      socket.destroy(); // an endless line: what listens there is not the core
    }
  });
  socket.on('close', () => {
    const unsent = lines.length;
    while (waiting.length > 0) settle({ kind: 'down', sent: waiting.length > unsent });
  });

  return {
    ask(fields) {
      return new Promise((resolve) => {
        // After this turn's requests have been read: one write for all of them.
        if (lines.push(formatLine(fields)) === 1) setImmediate(write);
        waiting.push(resolve);
      });
    },
    drain() {
      return new Promise((resolve) => {
        if (waiting.length === 0) resolve();
        else drained = resolve;
      });
    },
  };
}
