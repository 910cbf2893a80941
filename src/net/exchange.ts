/** One HTTP request and its whole answer, within a deadline and a size limit. Redirects are answers like any other. */
import type { Dispatcher, Pool } from 'undici';

export type Answer =
  | { kind: 'answer'; status: number; retryAfter: string | undefined; body: unknown }
  /** `withheld`: by ourselves, so that it says nothing about the other side. */
  | { kind: 'none'; sent: boolean; withheld: boolean; reason: string };

const STOPPING = 'the worker was stopping';
const NO_CONNECTION = 'no connection in time';

/**
 * One request and its whole answer. undici calls `onRequestStart` when a connection stands and just before the first
 * byte is written (client-h1.js, writeH1): without it nothing was sent.
 */
export function exchange(
  pool: Pool,
  request: Pick<Dispatcher.DispatchOptions, 'method' | 'path'> & {
    body: Buffer | null;
    headers: Record<string, string>;
  },
  limits: { deadlineMs: number; maxBytes: number; maySend: () => boolean },
): Promise<Answer> {
  return new Promise((resolve) => {
    let sent = false;
    let withheld = false;
    let controller: Dispatcher.DispatchController | null = null;
    let status = 0;
    let retryAfter: string | undefined;
    let size = 0;
    let late = false;
    const chunks: Buffer[] = [];
    // Asked first here, too: who may not send needs no connection.
    if (!limits.maySend()) return resolve({ kind: 'none', sent, withheld: true, reason: STOPPING });
    const deadline = setTimeout(() => {
      late = true;
      controller?.abort(new Error(`no answer within ${limits.deadlineMs} ms`));
      if (controller === null) resolve({ kind: 'none', sent, withheld, reason: NO_CONNECTION });
    }, limits.deadlineMs);
    const end = (answer: Answer): void => {
      clearTimeout(deadline);
      resolve(answer);
    };
    pool.dispatch(request, {
      onRequestStart(started) {
        controller = started;
        if (late) return void started.abort(new Error('too late'));
        withheld = !limits.maySend();
        if (withheld) return void started.abort(new Error(STOPPING));
        sent = true;
      },
      onResponseStart(_, code, fields) {
        status = code;
        retryAfter = [fields['retry-after']].flat()[0];
      },
      onResponseData(started, chunk) {
        size += chunk.length;
        if (size > limits.maxBytes)
          started.abort(new Error(`an answer of over ${limits.maxBytes} bytes`));
        else chunks.push(chunk);
      },
      onResponseEnd() {
        end({ kind: 'answer', status, retryAfter, body: parse(chunks) });
      },
      onResponseError(_, error) {
        const code = 'code' in error && typeof error.code === 'string' ? `${error.code} ` : '';
        end({ kind: 'none', sent, withheld, reason: `${code}${error.message}`.slice(0, 300) });
      },
    });
  });
}

// Unlike Buffer's, this decoder takes away a byte order mark, which JSON.parse would refuse.
const utf8 = new TextDecoder();

function parse(chunks: readonly Buffer[]): unknown {
  const [first] = chunks;
  try {
    return JSON.parse(utf8.decode(chunks.length === 1 ? first : Buffer.concat(chunks)));
  } catch {
    return null;
  }
}
