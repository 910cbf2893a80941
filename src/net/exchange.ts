/** One HTTP request and its whole answer, within a deadline and a size limit. Redirects are answers like any other. */
import type { Readable } from 'node:stream';
import type { Dispatcher, Pool } from 'undici';
import { readBody, type ReadBody } from './body.ts';

interface Head {
  status: number;
  headers: Readonly<Record<string, string | string[] | undefined>>;
}

export type Answer =
  | (Head & {
      kind: 'answer';
      /** As it was sent. */
      body: Buffer;
      /** As JSON, and why it could not be read. */
      read(): ReadBody;
    })
  /** `withheld`: by ourselves, so it says nothing about the other side. `head`: of an answer that was not read to its end. */
  | { kind: 'none'; sent: boolean; withheld: boolean; reason: string; head: Head | null };

const STOPPING = 'the worker was stopping';
const NO_CONNECTION = 'no connection in time';
/** A server that has answered, and reads no more for so long, does not want the rest. */
const UNREAD_MS = 5_000;

/** undici calls `onRequestStart` just before the first byte is written (client-h1.js, writeH1): without it nothing was sent. */
export function exchange(
  pool: Pool,
  request: Pick<Dispatcher.DispatchOptions, 'method' | 'path'> & {
    /** A stream has its length among the headers; where it turns out otherwise, the request is broken off. */
    body: Buffer | Readable | null;
    headers: Record<string, string>;
  },
  limits: {
    deadlineMs: number;
    maxBytes: number;
    maySend: () => boolean;
    /** Aborted: the request is broken off. */
    signal?: AbortSignal | undefined;
  },
): Promise<Answer> {
  return new Promise((resolve) => {
    let sent = false;
    let withheld = false;
    let controller: Dispatcher.DispatchController | null = null;
    let head: Head | null = null;
    let size = 0;
    let late = false;
    let isWhole = false;
    /** Of an answer that is not read on before the request is sent to its end. */
    let early: NodeJS.Timeout | undefined;
    const chunks: Buffer[] = [];
    const readOn = (): void => {
      clearTimeout(early);
      controller?.resume();
    };
    if (!limits.maySend()) {
      return resolve({ kind: 'none', sent, withheld: true, reason: STOPPING, head });
    }
    const deadline = setTimeout(() => {
      late = true;
      controller?.abort(new Error(`no answer within ${limits.deadlineMs} ms`));
      if (controller === null)
        resolve({ kind: 'none', sent, withheld, reason: NO_CONNECTION, head });
    }, limits.deadlineMs);
    const onAbort = (): void => controller?.abort(new Error(STOPPING));
    limits.signal?.addEventListener('abort', onAbort, { once: true });
    const end = (answer: Answer): void => {
      clearTimeout(deadline);
      clearTimeout(early);
      limits.signal?.removeEventListener('abort', onAbort);
      resolve(answer);
    };
    pool.dispatch(request, {
      onRequestStart(started) {
        controller = started;
        if (late) return void started.abort(new Error('too late'));
        withheld = !limits.maySend() || limits.signal?.aborted === true;
        if (withheld) return void started.abort(new Error(STOPPING));
        sent = true;
      },
      onBodySent: () => void early?.refresh(),
      // undici notes that nothing is left to write only after this.
      onRequestSent() {
        isWhole = true;
        if (early !== undefined) setImmediate(readOn);
      },
      onResponseStart(started, status, headers) {
        head = { status, headers };
        // At the end of an answer undici breaks off what is still being sent: a server that takes it all the same would have a part.
        if (isWhole || status > 299) return;
        started.pause();
        early = setTimeout(readOn, UNREAD_MS);
      },
      onResponseData(started, chunk) {
        size += chunk.length;
        if (size > limits.maxBytes)
          started.abort(new Error(`an answer of over ${limits.maxBytes} bytes`));
        else chunks.push(chunk);
      },
      onResponseEnd() {
        const begun = head ?? { status: 0, headers: {} };
        end(answerOf(begun, Buffer.concat(chunks), limits.maxBytes));
      },
      onResponseError(_, error) {
        const code = 'code' in error && typeof error.code === 'string' ? `${error.code} ` : '';
        const reason = `${code}${error.message}`.slice(0, 300);
        end({ kind: 'none', sent, withheld, reason, head });
      },
    });
  });
}

/** An answer that was read to its end. @param maxBytes of its body, unpacked */
export function answerOf(head: Head, body: Buffer, maxBytes: number): Answer {
  let read: ReadBody | null = null;
  return {
    kind: 'answer',
    ...head,
    body,
    read: () => (read ??= readBody(head.headers, body, maxBytes)),
  };
}
