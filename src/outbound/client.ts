/** The one HTTP client: one deadline from end to end, a size limit, and no redirects. */
import { Pool } from 'undici';
import { connectorOf } from '../net/connect.ts';
import { exchange, type Answer } from '../net/exchange.ts';
import { readTls, type TlsFiles } from '../net/tls.ts';

export interface HttpClientOptions {
  /** Paths are appended to it. */
  baseUrl: string;
  authorization: string | null;
  tls: TlsFiles;
  /** For a request and its whole answer. */
  timeoutMs: number;
  /** A longer answer is not read. */
  maxBytes: number;
  /** Until the answer begins, and between two pieces of it; `timeoutMs` where nothing is said. */
  silentMs?: number;
}

interface HttpRequest {
  method: 'GET' | 'POST';
  path: string;
  headers?: Record<string, string>;
  body?: Buffer | null;
  /** Asked when the connection stands, just before the first byte: if it says no, nothing is sent. */
  maySend?: () => boolean;
}

export type HttpClient = ReturnType<typeof createHttpClient>;

/** @throws Error that names the TLS file that cannot be used */
export function createHttpClient(options: HttpClientOptions) {
  const { baseUrl, authorization, tls, timeoutMs, maxBytes, silentMs = timeoutMs } = options;
  const { origin, pathname } = new URL(baseUrl);
  const prefix = pathname.replace(/\/$/, '');
  const pool = new Pool(origin, {
    // As many as there are slots, which change while it runs.
    connections: null,
    pipelining: 1,
    allowH2: false,
    connect: connectorOf(Math.min(silentMs, 10_000), readTls(tls)),
    headersTimeout: silentMs,
    bodyTimeout: silentMs,
  });
  const own: Record<string, string> = authorization === null ? {} : { authorization };
  return {
    /** Never throws. */
    send: ({
      method,
      path,
      headers = {},
      body = null,
      maySend = () => true,
    }: HttpRequest): Promise<Answer> =>
      exchange(
        pool,
        { method, path: prefix + path, body, headers: { ...own, ...headers } },
        { deadlineMs: timeoutMs, maxBytes, maySend },
      ),
    close: () => pool.destroy(),
  };
}
