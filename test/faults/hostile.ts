/** A legacy system that misbehaves as it is told, and keeps the ledger that the audit reads. */
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { webServer } from '../helpers/web-server.ts';
import { atEnd } from '../helpers/servers.ts';
import type { Ending } from '../helpers/servers.ts';

/** One request about a registration, and the means to answer it: properly, or with whatever bytes. */
export interface Exchange {
  /** The registration it is about. */
  id: string;
  /** Under which this system has filed the registration, or would. */
  requestId: string;
  /** How many requests of this method about this registration came before. */
  nth: number;
  response: ServerResponse;
  socket: Socket;
  /** An address that nobody may follow a redirect to. */
  elsewhere: string;
}

export interface Answer {
  give: (exchange: Exchange) => void;
  /** Whether a POST that is answered so has been filed. */
  files: boolean;
}

export interface Conduct {
  post(id: string, nth: number): Answer;
  get(id: string, nth: number): Answer;
}

export interface Hostile {
  url: string;
  /** What came, whole: each POST with its body. */
  posts(id: string): { body: Buffer; headers: IncomingHttpHeaders }[];
  gets(id: string): number;
  /** Under which it has filed a registration, or would. */
  requestIdOf(id: string): string;
  /** Requests that followed a redirect. */
  strays(): number;
}

/** Serves on a free port until the scenario ends. */
export async function hostileSystem(t: Ending, conduct: Conduct): Promise<Hostile> {
  const posted = new Map<string, { body: Buffer; headers: IncomingHttpHeaders }[]>();
  const got = new Map<string, number>();
  const ids = new Map<string, string>();
  const ledger: string[] = [];
  const elsewhere = await webServer(t, (_, response) => response.end());

  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    const { socket } = request;
    for (const stream of [request, response]) stream.on('error', () => {});
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method, url = '', headers } = request;
      if (url === '/ledger') {
        response.writeHead(200, { 'content-type': 'application/x-ndjson' });
        return void response.end(ledger.join(''));
      }
      if (method !== 'POST') {
        const id = ids.get(url.replace('/registrations/', '')) ?? '';
        const nth = got.get(id) ?? 0;
        got.set(id, nth + 1);
        return conduct.get(id, nth).give(exchange(id, nth));
      }
      const body = Buffer.concat(chunks);
      const id = idIn(body);
      const before = posted.get(id) ?? [];
      posted.set(id, [...before, { body, headers }]);
      const answer = conduct.post(id, before.length);
      if (answer.files) {
        const idempotencyKey = headers['idempotency-key'];
        ledger.push(`${JSON.stringify({ event: 'accepted', id, idempotencyKey })}\n`);
      }
      answer.give(exchange(id, before.length));
    });

    function exchange(id: string, nth: number): Exchange {
      const requestId = requestIdOf(id);
      ids.set(requestId, id);
      return { id, requestId, nth, response, socket, elsewhere: elsewhere.url };
    }
  });
  server.on('connection', (socket) => socket.on('error', () => {}));
  server.keepAliveTimeout = 65_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  atEnd(t, async () => {
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  });
  const bound = server.address();
  return {
    url: `http://127.0.0.1:${typeof bound === 'object' ? bound?.port : ''}`,
    posts: (id) => posted.get(id) ?? [],
    gets: (id) => got.get(id) ?? 0,
    requestIdOf,
    strays: () => elsewhere.seen.length,
  };
}

/** An id of ours can be what no path can hold; always the same one for the same registration. */
const requestIdOf = (id: string): string =>
  `REQ-${createHash('sha256').update(id).digest('hex').slice(0, 12)}`;

function idIn(body: Buffer): string {
  const value: unknown = JSON.parse(new TextDecoder().decode(body));
  return typeof value === 'object' && value !== null && 'id' in value ? String(value.id) : '';
}
