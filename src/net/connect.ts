/** Connections of undici, also through a proxy, that wait for the server's first word after a TLS 1.3 handshake. */
import { once } from 'node:events';
import { isIPv6, Socket } from 'node:net';
import { setImmediate, setTimeout as delay } from 'node:timers/promises';
import { TLSSocket } from 'node:tls';
import { buildConnector, type Pool } from 'undici';
import { skipInterim } from './interim.ts';
import type { TlsMaterial } from './tls.ts';

/** A server that sends no session ticket is believed after this time. */
const BELIEVED_MS = 500;
const CLOSED = 'closed by the server after the TLS handshake: it may want another certificate';

/**
 * With TLS 1.3 a client may send before the server has judged its certificate, and cannot know that the server does not read
 * it: an expired certificate would put every POST in doubt. So nothing is sent before the server's first word: its session
 * ticket, or an alert, which is an error of the connection.
 */
export function connectorOf(
  timeoutMs: number,
  tls: TlsMaterial,
  proxy: Tunnel | null = null,
): buildConnector.connector {
  // In HTTP/1.1 it is known when the first byte is sent (exchange.ts).
  const direct = buildConnector({ timeout: timeoutMs, allowH2: false, ...tls });
  const connect = proxy === null ? direct : throughTunnel(proxy, direct);
  return (options, callback) =>
    connect(options, (...[error, socket]) => {
      if (error !== null) return callback(withoutCode(error), null);
      skipInterim(socket);
      if (!(socket instanceof TLSSocket) || socket.getProtocol() !== 'TLSv1.3') {
        return callback(null, socket);
      }
      firstWord(socket).then(
        () => callback(null, socket),
        (cause: unknown) => {
          socket.destroy();
          callback(withoutCode(cause), null);
        },
      );
    });
}

/** undici takes some codes of its own for a broken connection and opens the next one at once, without end (client.js, onError). */
function withoutCode(cause: unknown): Error {
  if (!(cause instanceof Error)) return new Error(String(cause));
  const code = 'code' in cause ? String(cause.code) : '';
  return code.startsWith('UND_ERR_') ? new Error(`${code} ${cause.message}`, { cause }) : cause;
}

/** A proxy that is asked by CONNECT for a connection to somebody else. */
export interface Tunnel {
  pool: Pool;
  headers: Record<string, string>;
}

/** What goes wrong before the tunnel stands is an error of the connection: nothing was sent. */
function throughTunnel(
  { pool, headers }: Tunnel,
  connect: buildConnector.connector,
): buildConnector.connector {
  return (options, callback) => {
    const fail = (cause: unknown) => {
      const why = cause instanceof Error ? cause.message : String(cause);
      callback(new Error(`the proxy: ${why}`, { cause }), null);
    };
    const { hostname } = options;
    const path = `${isIPv6(hostname) ? `[${hostname}]` : hostname}:${options.port || '443'}`;
    pool.connect({ path, headers: { host: path, ...headers } }).then(({ socket, statusCode }) => {
      if (statusCode >= 200 && statusCode < 300 && socket instanceof Socket)
        return connect({ ...options, httpSocket: socket }, callback);
      socket.on('error', () => {}).destroy();
      const remedy =
        statusCode === 407 ? ': LEGACY_PROXY has no user and password that it takes' : '';
      return fail(`it answered ${statusCode} to CONNECT ${path}${remedy}`);
    }, fail);
  };
}

/** @throws Error when the server ends the connection instead */
async function firstWord(socket: TLSSocket): Promise<void> {
  const heard = new AbortController();
  const { signal } = heard;
  const closed = Promise.race([once(socket, 'end', { signal }), once(socket, 'close', { signal })]);
  try {
    await Promise.race([
      // Comes from within OpenSSL's reading: what was written there would not go out.
      once(socket, 'session', { signal }).then(() => setImmediate()),
      closed.then(() => Promise.reject(new Error(CLOSED))),
      delay(BELIEVED_MS, undefined, { signal }),
    ]);
  } finally {
    heard.abort();
  }
}
