/** One HTTP request and its whole answer, within a deadline and a size limit. Redirects are answers like any other. */
import type { Dispatcher, Pool } from 'undici';

interface Head {
  status: number;
  headers: Readonly<Record<string, string | string[] | undefined>>;
}

export type Answer =
  | (Head & {
      kind: 'answer';
      body: Buffer;
      /** The body as JSON; null where it is none. */
      json(): unknown;
    })
  /** `withheld`: by ourselves, so it says nothing about the other side. `head`: of an answer that was not read to its end. */
  | { kind: 'none'; sent: boolean; withheld: boolean; reason: string; head: Head | null };

const STOPPING = 'the worker was stopping';
const NO_CONNECTION = 'no connection in time';

/**
 * Sends one request. undici calls `onRequestStart` when a connection stands, just before the first byte is written
 * (client-h1.js, writeH1): without it nothing was sent.
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
    let head: Head | null = null;
    let size = 0;
    let late = false;
    const chunks: Buffer[] = [];
    if (!limits.maySend()) {
      return resolve({ kind: 'none', sent, withheld: true, reason: STOPPING, head });
    }
    const deadline = setTimeout(() => {
      late = true;
      controller?.abort(new Error(`no answer within ${limits.deadlineMs} ms`));
      if (controller === null)
        resolve({ kind: 'none', sent, withheld, reason: NO_CONNECTION, head });
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
      onResponseStart(_, status, headers) {
        head = { status, headers };
      },
      onResponseData(started, chunk) {
        size += chunk.length;
        if (size > limits.maxBytes)
          started.abort(new Error(`an answer of over ${limits.maxBytes} bytes`));
        else chunks.push(chunk);
      },
      onResponseEnd() {
        const begun = head ?? { status: 0, headers: {} };
        end({ kind: 'answer', ...begun, ...bodyOf(chunks) });
      },
      onResponseError(_, error) {
        const code = 'code' in error && typeof error.code === 'string' ? `${error.code} ` : '';
        const reason = `${code}${error.message}`.slice(0, 300);
        end({ kind: 'none', sent, withheld, reason, head });
      },
    });
  });
}

// Unlike Buffer's, this decoder takes away a byte order mark, which JSON.parse would refuse.
const utf8 = new TextDecoder();

function bodyOf(chunks: readonly Buffer[]): { body: Buffer; json(): unknown } {
  const [first] = chunks;
  const body = chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks);
  let parsed: unknown;
  return { body, json: () => (parsed === undefined ? (parsed = parse(body)) : parsed) };
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(utf8.decode(body));
  } catch {
    return null;
  }
}
