/** The one HTTP client: one deadline from end to end, a size limit, and no redirects. */
import type { Readable } from 'node:stream';
import { Pool } from 'undici';
import { connectorOf } from '../net/connect.ts';
import { exchange, type Answer } from '../net/exchange.ts';
import { NO_TLS_FILES, readTls, type TlsFiles } from '../net/tls.ts';

export interface HttpClientOptions {
  /** Paths are appended to it. */
  baseUrl: string;
  authorization: string | null;
  tls?: TlsFiles;
  /** For a request and its whole answer. */
  timeoutMs: number;
  /** A longer answer is not read. */
  maxBytes: number;
  /** Until the answer begins, and between two pieces of it; where nothing is said, each request has its deadline alone. */
  silentMs?: number;
  /** An HTTP proxy before it, with user and password where it wants them. */
  proxy?: string | null;
  /** How long a connection is kept without a request, ms; null: each request has one of its own. */
  idleMs?: number | null;
}

export interface HttpRequest<Body extends Buffer | Readable = Buffer> {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH';
  path: string;
  /** From the root of the server, and not below the base. */
  isWholePath?: boolean;
  headers?: Record<string, string>;
  body?: Body | null;
  /** Where it is another one than that of the client. */
  timeoutMs?: number;
  /** Asked when the connection stands, just before the first byte: if it says no, nothing is sent. */
  maySend?: () => boolean;
  signal?: AbortSignal;
}

export type HttpClient = ReturnType<typeof createHttpClient>;

/** @throws Error that names the TLS file that cannot be used */
export function createHttpClient(options: HttpClientOptions) {
  const { baseUrl, authorization, tls = NO_TLS_FILES, timeoutMs, maxBytes, silentMs = 0 } = options;
  const { idleMs = IDLE_MS } = options;
  const connectMs = Math.min(silentMs || timeoutMs, 10_000);
  const { origin, pathname, protocol, host } = new URL(baseUrl);
  const proxy = proxyOf(options.proxy ?? null);
  // A server without TLS is asked for by its whole address, since many proxies open tunnels to TLS ports alone.
  const isForwarded = proxy !== null && protocol === 'http:';
  const tunnels =
    proxy !== null && !isForwarded
      ? new Pool(proxy.origin, {
          allowH2: false,
          connect: { timeout: connectMs },
          headersTimeout: connectMs,
        })
      : null;
  const tunnel = tunnels && proxy ? { pool: tunnels, headers: proxy.headers } : null;
  const root = isForwarded ? origin : '';
  const base = root + pathname.replace(/\/$/, '');
  const pool = new Pool(isForwarded ? proxy.origin : origin, {
    // As many as there are slots, which change while it runs.
    connections: null,
    pipelining: idleMs === null ? 0 : 1,
    allowH2: false,
    keepAliveTimeout: idleMs ?? IDLE_MS,
    keepAliveMaxTimeout: Math.max(idleMs ?? 0, IDLE_MS),
    connect: connectorOf(connectMs, readTls(tls), tunnel),
    headersTimeout: silentMs,
    bodyTimeout: silentMs,
  });
  const own: Record<string, string> = {
    ...(isForwarded ? { host, ...proxy.headers } : {}),
    ...(authorization === null ? {} : { authorization }),
  };
  const target = ({ path, isWholePath }: Pick<HttpRequest, 'path' | 'isWholePath'>): string =>
    (isWholePath === true ? root : base) + path;
  return {
    /** As it stands in the first line of the request. */
    target,
    /** Never throws. */
    send: ({
      method,
      path,
      headers = {},
      body = null,
      maySend = () => true,
      ...more
    }: HttpRequest<Buffer | Readable>): Promise<Answer> =>
      exchange(
        pool,
        {
          method,
          path: target({ path, ...more }),
          body,
          headers: { ...own, ...headers },
        },
        { deadlineMs: more.timeoutMs ?? timeoutMs, maxBytes, maySend, signal: more.signal },
      ),
    async close() {
      await Promise.all([pool.destroy(), tunnels?.destroy()]);
    },
  };
}

/** undici's own. */
const IDLE_MS = 4_000;

function proxyOf(address: string | null) {
  if (address === null) return null;
  const { origin, username, password } = new URL(address);
  const who = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  const headers: Record<string, string> =
    username === ''
      ? {}
      : { 'proxy-authorization': `Basic ${Buffer.from(who).toString('base64')}` };
  return { origin, headers };
}
