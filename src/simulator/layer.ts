// The adaptation layer: the HTTP face of the slow core, and the simulator's own end points beside it.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { sendLedger } from './control.ts';
import { sendJson } from './http.ts';
import type { Ledger } from './ledger.ts';
import type { Poll } from './poll.ts';
import type { SimulatorStats } from './statistics.ts';
import type { Handler } from './submit.ts';

export interface LayerDependencies {
  ledger: Ledger;
  submit: Handler;
  poll: Poll;
  lookUp: Handler;
  control: Handler;
  /** Every POST and GET of a registration is told to it. */
  count: (what: 'gets' | 'posts') => void;
  stats: () => SimulatorStats;
}

const paths = [
  'POST /registrations',
  'GET /registrations/<request id>',
  'GET /results/<request id>',
  'GET /registrations?externalId=<registration id>',
  'GET /stats',
  'GET /ledger',
  'POST /control',
];

/** The HTTP server, not yet listening. */
export function createLayer(dependencies: LayerDependencies): Server {
  const server = createServer((request, response) => {
    route(dependencies, request, response).catch((error: unknown) => {
      // What escapes is a fault of the simulator itself, a ledger that cannot be written above all: it must be seen.
      const reason = error instanceof Error ? error.message : String(error);
      if (response.headersSent) response.destroy();
      else sendJson(response, 500, { error: 'the simulator failed', reason });
    });
  });
  // Longer than the pauses between polls: a client that keeps its connections shall not find them closed.
  server.keepAliveTimeout = 65_000;
  server.headersTimeout = 70_000;
  // More than any worker opens; whoever opens connections without end must not use up our descriptors.
  server.maxConnections = 10_000;
  return server;
}

async function route(
  { ledger, submit, poll, lookUp, control, count, stats }: LayerDependencies,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const [path = '', query = ''] = (request.url ?? '').split('?');
  const [, kind, requestId] = /^\/(registrations|results)\/([^/]+)$/.exec(path) ?? [];
  if (requestId !== undefined) {
    if (request.method !== 'GET') return wrongMethod(response, 'GET');
    count('gets');
    return poll(response, requestId, kind === 'results');
  }
  switch (path) {
    case '/registrations':
      if (request.method === 'GET' && query.startsWith('externalId=')) {
        count('gets');
        return lookUp(request, response);
      }
      if (request.method !== 'POST') return wrongMethod(response, 'POST');
      count('posts');
      return submit(request, response);
    case '/control':
      if (request.method !== 'POST') return wrongMethod(response, 'POST');
      return control(request, response);
    case '/stats':
      if (request.method !== 'GET') return wrongMethod(response, 'GET');
      return sendJson(response, 200, stats());
    case '/ledger':
      if (request.method !== 'GET') return wrongMethod(response, 'GET');
      return sendLedger(response, ledger);
    default:
      return sendJson(response, 404, { error: 'no such path', paths });
  }
}

function wrongMethod(response: ServerResponse, allow: string): void {
  sendJson(response, 405, { error: 'method not allowed', allow }, { allow });
}
