/** The handler of a queue that only sends on: each message goes to an HTTP endpoint. */
import { httpEndpoint } from '../config/endpoint.ts';
import type { HttpHandler } from '../config/http-handler.ts';
import type { Environment } from '../config/tree.ts';
import { classOf, openDelivery, percentEncoded, type Delivered } from '../outbound/deliver.ts';
import { builtInCaller } from '../workers/built-in.ts';
import type { Call, Ended } from '../workers/call.ts';

interface Needs {
  name: string;
  http: HttpHandler;
  concurrency: number;
  env: Environment;
}

/** @throws Error that names the variable that is missing */
export function webhookCaller({ name, http, concurrency, env }: Needs) {
  const delivery = openDelivery(http, env);
  const caller = builtInCaller(async (call, signal) =>
    endOf(await delivery.deliver({ ...parcelOf(name, call), signal }), signal),
  );
  return {
    sends: { endpoint: httpEndpoint(name, { ...http, concurrency }), pass: delivery.pass },
    caller: {
      ...caller,
      async stop(finishWithinMs: number) {
        await caller.stop(finishWithinMs);
        await delivery.close();
      },
    },
  };
}

/** Of HTTP. Publishers in Python name charsets there (`utf-8`), which HTTP servers refuse. */
const CODINGS = /^(?:x-)?(?:gzip|deflate|br|zstd|compress)$/i;

/** The bytes as they came. Ids and keys hold any characters, and a header does not. */
const parcelOf = (
  worker: string,
  { id, key, attempt, body, contentType, contentEncoding = '' }: Call,
) => ({
  idempotencyKey: percentEncoded(`${worker}/${id}`),
  attempt,
  contentType: contentType ?? 'application/octet-stream',
  headers: {
    'x-message-id': percentEncoded(id),
    ...(key === null ? {} : { 'x-message-key': percentEncoded(key) }),
    ...(CODINGS.test(contentEncoding) ? { 'content-encoding': contentEncoding } : {}),
  },
  body: Buffer.from(body, 'base64'),
});

const MOST_CHARACTERS = 300;

/** What the answer means for a task. */
export function endOf(answer: Delivered, signal: AbortSignal): Ended {
  if (answer.kind === 'ack')
    return { kind: 'done', result: { status: answer.status }, outgoing: [] };
  if (signal.aborted) return { kind: 'interrupted' };
  switch (answer.kind) {
    case 'nack': {
      const words = answer.answer.slice(0, MOST_CHARACTERS);
      const reason = words === '' ? answer.reason : `${answer.reason}: ${words}`;
      return { kind: 'failed', failure: 'permanent', class: `http-${answer.status}`, reason };
    }
    case 'retry': {
      const { reason, retryAfter } = answer;
      return { kind: 'again', class: classOf(answer), reason, retryAfter };
    }
    case 'held':
      return { kind: 'held', reason: answer.reason, retryAfter: answer.retryAfter };
    case 'changed':
      return { kind: 'again', class: 'changed', reason: answer.reason, retryAfter: null };
  }
}
