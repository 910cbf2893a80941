/** A page in this process, and whoever asks it: by raw sockets too, since a browser, and fetch, write some headers themselves. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { randomUUID } from 'node:crypto';
import { DEFAULTS, type Config } from '../../src/config/schema.ts';
import { servePage } from '../../src/page/serve.ts';
import type { Key } from '../../src/page/sessions.ts';
import { silent } from '../../src/runtime/log.ts';
import { atEnd, type Ending } from '../helpers/servers.ts';

const KEYS = {
  viewer: { name: 'vera', role: 'viewer', mayReveal: false, secret: 'v'.repeat(32) },
  operator: { name: 'oleg', role: 'operator', mayReveal: false, secret: 'o'.repeat(32) },
  revealer: { name: 'rita', role: 'operator', mayReveal: true, secret: 'r'.repeat(32) },
} as const satisfies Record<string, Key>;

export type Person = keyof typeof KEYS;

/** Nobody listens there. */
export const NO_SERVERS: Config = {
  ...DEFAULTS,
  amqpUrl: 'amqp://127.0.0.1:9',
  mongodbUri: 'mongodb://127.0.0.1:9/none?serverSelectionTimeoutMS=300',
  temporalAddress: '127.0.0.1:9',
  legacyUrl: 'http://127.0.0.1:9',
};

export interface Told {
  status: number;
  headers: Record<string, string>;
  text: string;
}

export type Page = Awaited<ReturnType<typeof startPage>>;

export async function startPage(t: Ending, config: Config = NO_SERVERS, more: readonly Key[] = []) {
  const server = await servePage({
    ...{ config, host: '127.0.0.1', port: 0, environment: 'test', log: silent },
    ...{ starter: 'sam', keys: [...Object.values(KEYS), ...more] },
  });
  atEnd(t, () => server.close());
  const { port } = server;
  const url = `http://127.0.0.1:${port}`;
  const own = { 'content-type': 'application/json', origin: url };

  const ask = async (
    path: string,
    init: {
      method?: string;
      token?: string;
      headers?: Record<string, string>;
      body?: unknown;
    } = {},
  ) => {
    const { method = 'GET', token, headers = {}, body } = init;
    const answer = await fetch(url + path, {
      method,
      headers: {
        ...(method === 'GET' ? {} : { ...own, 'idempotency-key': randomUUID() }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    const json: unknown = answer.headers.get('content-type')?.includes('json')
      ? JSON.parse(text)
      : null;
    return { status: answer.status, headers: answer.headers, text, json };
  };

  return {
    port,
    url,
    token: server.token,
    ask,
    close: () => server.close(),
    secretOf: (person: Person) => KEYS[person].secret,
    async signIn(person: Person): Promise<string> {
      const { secret: token } = KEYS[person];
      const { json } = await ask('/api/v1/session', { method: 'POST', body: { token } });
      if (typeof json !== 'object' || json === null || !('token' in json))
        throw new Error('no session');
      return String(json.token);
    },
    /** Sends exactly this, and returns the answer. */
    async raw(text: string): Promise<Told> {
      const socket = connect(port, '127.0.0.1');
      await once(socket, 'connect');
      let answer = '';
      socket
        .on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')))
        .on('error', () => {});
      socket.write(text);
      await once(socket, 'close');
      const [head = '', ...body] = answer.split('\r\n\r\n');
      const [first = '', ...lines] = head.split('\r\n');
      const headers = lines.map((line): [string, string] => {
        const at = line.indexOf(':');
        return [line.slice(0, at).toLowerCase(), line.slice(at + 1).trim()];
      });
      return {
        status: Number(first.split(' ')[1] ?? 0),
        headers: Object.fromEntries<string>(headers),
        text: body.join('\r\n\r\n'),
      };
    },
  };
}

/** A request as it stands on the wire; the connection ends with its answer. */
export const onWire = (line: string, headers: Record<string, string>, body = ''): string =>
  [
    `${line} HTTP/1.1`,
    ...Object.entries({ connection: 'close', ...headers }).map(
      ([name, value]) => `${name}: ${value}`,
    ),
    ...(body === '' ? [] : [`content-length: ${Buffer.byteLength(body)}`]),
    '',
    body,
  ].join('\r\n');
