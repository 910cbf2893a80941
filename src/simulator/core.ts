// The slow core: the old program behind the adaptation layer, listening on TCP with the protocol of protocol.ts.
import { createServer, type Server, type Socket } from 'node:net';
import type { Filings, FilingState } from './filings.ts';
import { listen } from './listen.ts';
import { createLineSplitter, errorNumbers, formatLine, parseLine } from './protocol.ts';

export interface Core {
  /** Starts to listen; resolves to the port (0 takes a free one). Throws when the port is taken. */
  start(port: number): Promise<number>;
  /** Stops listening and cuts every connection; what was accepted stays known. */
  stop(): Promise<void>;
}

export function createCore(host: string, filings: Filings): Core {
  const sockets = new Set<Socket>();
  let server: Server | null = null;

  const serve = (socket: Socket): void => {
    const split = createLineSplitter();
    sockets.add(socket);
    socket.setEncoding('latin1');
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy()); // the peer went away: nothing to tell anyone
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (chunk: string) => {
      try {
        const answers = split(chunk).map((line) => answerCommand(filings, line, Date.now()));
        if (answers.length > 0) socket.write(answers.join(''));
      } catch {
        socket.destroy(); // an endless line: not a client of ours
      }
    });
  };

  return {
    async start(port) {
      server = createServer(serve);
      return await listen(server, host, port, 'the core');
    },
    async stop() {
      const stopping = server;
      server = null;
      if (stopping === null) return;
      const closed = new Promise((resolve) => stopping.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** The core's answer to one command, as a line. */
export function answerCommand(filings: Filings, line: string, now: number): string {
  const [verb, ...fields] = parseLine(line);
  if (verb === 'CADASTRAR') return register(filings, fields, now);
  if (verb === 'CONSULTAR' && fields.length === 1) return consult(filings, fields[0] ?? '', now);
  if (verb === 'LOCALIZAR' && fields.length === 1)
    return formatLine(['OK', ...filings.find(fields[0] ?? '')]);
  return failure(errorNumbers.invalidCall, 'COMANDO INVALIDO');
}

const finals = new Map([
  ['CONCLUI', 'done'],
  ['RECUSA', 'failed'],
  ['NUNCA', 'never'],
] as const);

function register(filings: Filings, fields: string[], now: number): string {
  const [id, key, ms, end, reason] = fields;
  const latencyMs = Number(ms);
  const final = [...finals].find(([word]) => word === end)?.[1];
  if (!id || key === undefined || !Number.isSafeInteger(latencyMs) || latencyMs < 0 || !final) {
    return failure(errorNumbers.invalidCall, 'CADASTRO INVALIDO');
  }
  const idempotencyKey = key === '' ? null : key;
  try {
    const filing = { id, idempotencyKey, latencyMs, final, reason: reason ?? '' };
    return formatLine(['OK', filings.accept(filing, now)]);
  } catch (error) {
    return failure(errorNumbers.diskFull, error instanceof Error ? error.message : String(error));
  }
}

function consult(filings: Filings, requestId: string, now: number): string {
  const state: FilingState = filings.look(requestId, now);
  switch (state.status) {
    case 'processing':
      return formatLine(['OK', 'PENDENTE']);
    case 'done':
      return formatLine(['OK', 'CONCLUIDO']);
    case 'failed':
      return formatLine(['OK', 'RECUSADO', state.reason]);
    case 'unknown':
      return failure(errorNumbers.notFound, 'PROTOCOLO NAO ENCONTRADO');
  }
}

function failure(number: string, text: string): string {
  return formatLine(['ERRO', number, text]);
}
