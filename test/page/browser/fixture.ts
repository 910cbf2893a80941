/** The built page, and a server that answers it with a scene: for what no real system shows on demand. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import {
  ROUTES,
  VIEWS,
  type Role,
  type RouteName,
  type ViewName,
} from '../../../src/page/routes.ts';
import { readFiles } from '../../../src/page/files.ts';
import { meOf, type Scene } from './scene-parts.ts';

/** As src/page sends it. */
const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'";

export interface Posted {
  name: string;
  key: string | undefined;
  ifMatch: string | undefined;
  body: unknown;
}

export interface Fixture {
  url: string;
  posted: Posted[];
  /** Tells all pages that look of it. */
  tell: (part: Partial<Scene>) => void;
  /** For requests that the scene has no answer to: a status and a body. */
  answers: Partial<Record<RouteName, (id: string) => [number, unknown]>>;
  /** Breaks the connections of all pages that look. */
  drop: () => void;
  /** How many pages look. */
  watchers: () => number;
  close: () => Promise<void>;
}

export async function serveScene(
  first: Scene,
  role: Role = 'operator',
  mayReveal = false,
): Promise<Fixture> {
  const files = readFiles();
  let scene = first;
  const open = new Set<ServerResponse>();
  const posted: Posted[] = [];
  const answers: Fixture['answers'] = {};
  const send = (response: ServerResponse, view: ViewName): void => {
    response.write(`event: ${view}\ndata: ${JSON.stringify(scene[view])}\n\n`);
  };
  const server = createServer((request, response) => void respond(request, response));

  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? '/', 'http://fixture');
    response.setHeader('content-security-policy', CSP);
    const file = files.get(pathname);
    if (file !== undefined)
      return void response.setHeader('content-type', file.type).end(file.body);
    const body = await bodyOf(request);
    const [name, id] = routeOf(request.method ?? '', pathname);
    if (name === undefined) return json(response, 404, { detail: 'no such route', status: 404 });
    if (request.method === 'POST') {
      const key = headerOf(request, 'idempotency-key');
      posted.push({ name, key, ifMatch: headerOf(request, 'if-match'), body });
    }
    const own = answers[name]?.(id);
    if (own !== undefined) return json(response, ...own);
    if (name === 'live') {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      open.add(response.on('close', () => open.delete(response)));
      return VIEWS.forEach((view) => send(response, view));
    }
    if (name === 'me') return json(response, 200, meOf(role, mayReveal));
    const view = VIEWS.find((each) => each === name);
    return view === undefined
      ? json(response, 200, { text: 'done' })
      : json(response, 200, scene[view]);
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${portOf(server.address())}/`,
    posted,
    answers,
    tell(part) {
      scene = { ...scene, ...part };
      for (const view of VIEWS)
        if (part[view] !== undefined) for (const response of open) send(response, view);
    },
    drop: () => open.forEach((response) => response.destroy()),
    watchers: () => open.size,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

const portOf = (address: AddressInfo | string | null): number =>
  address !== null && typeof address === 'object' ? address.port : 0;

const headerOf = (request: IncomingMessage, name: string): string | undefined =>
  request.headers[name]?.toString();

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const body = await text(request);
  return body === '' ? null : JSON.parse(body);
}

function routeOf(method: string, pathname: string): [RouteName | undefined, string] {
  for (const name of NAMES) {
    const route = ROUTES[name];
    const [before = '', after] = route.path.split(':id');
    const isMine =
      route.method === method &&
      (after === undefined ? pathname === route.path : pathname.startsWith(before));
    if (isMine) return [name, decodeURIComponent(pathname.slice(before.length))];
  }
  return [undefined, ''];
}

const NAMES = Object.keys(ROUTES).filter((name): name is RouteName => name in ROUTES);
