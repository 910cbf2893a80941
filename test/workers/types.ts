/** The types that a developer relies on: this file compiles, and what is misused in it must not. Nothing runs it. */
import { z } from 'zod';
import { kafka } from '../../src/workers/channel.ts';
import { defineWorker, on } from '../../src/workers/define-worker.ts';
import { PermanentError, TemporaryError, reject, retry } from '../../src/workers/errors.ts';
import type { Worker } from '../../src/workers/worker.ts';

type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const holds = <Claim extends true>(claim?: Claim) => claim;
/** The value is of this very type. */
const equal =
  <Expected>() =>
  <Actual>(value: Actual, ...equal: Equal<Actual, Expected> extends true ? [] : ['it differs']) => [
    value,
    equal,
  ];
type InputOf<W> = W extends Worker<infer Input, unknown> ? Input : never;
type ResultOf<W> = W extends Worker<unknown, infer Result> ? Result : never;

const Email = z.object({ to: z.email(), lang: z.string().default('pt'), count: z.coerce.number() });

const one = defineWorker({
  name: 'One',
  from: kafka('emails', { group: 'email-sender' }),
  message: Email,
  timeout: '5m',
  retry: { max: 3, backoff: 'exponential', delay: '1s', cap: '10 m', jitter: false },
  idFrom: (message) => message.to,
  async handle(message, { attempt, signal, publish, log, metrics, isLastAttempt }) {
    equal<{ to: string; lang: string; count: number }>()(message);
    // @ts-expect-error the schema has no such field
    void message.subject;
    await Promise.resolve(signal.aborted);
    publish(kafka('sent'), { attempt });
    log.info('sent', { isLastAttempt });
    metrics.increment('sent');
    if (attempt === 2) return retry('later', { after: '30s' });
    if (attempt === 3) return reject('never');
    return { sent: true, to: message.to };
  },
  onSuccess(message, result, { id }) {
    equal<string>()(message.lang);
    equal<{ sent: boolean; to: string }>()(result);
    return id;
  },
  onError: (message, error) => [message.to, error.message],
});
holds<Equal<ResultOf<typeof one>, { sent: boolean; to: string }>>();
holds<Equal<InputOf<typeof one>['lang'], string | undefined>>();

const bare = defineWorker({
  name: 'Bare',
  handle(message) {
    equal<unknown>()(message);
  },
});
holds<Equal<ResultOf<typeof bare>, void>>();

const byType = defineWorker({
  name: 'ByType',
  handlers: {
    send_audio: on(z.object({ user_id: z.number() }), ({ user_id }) => ({ told: user_id })),
    send_text: on(z.object({ text: z.string() }), async ({ text }, { log }) => {
      log.info('told');
      return Promise.resolve(text);
    }),
  },
  onSuccess(message, result) {
    equal<{ user_id: number } | { text: string }>()(message);
    equal<{ told: number } | string>()(result);
  },
});
holds<Equal<ResultOf<typeof byType>, { told: number } | string>>();
const sent: InputOf<typeof byType> = { type: 'send_audio', user_id: 1 };
// @ts-expect-error the field of another type
const mixed: InputOf<typeof byType> = { type: 'send_text', user_id: 1 };
void [sent, mixed];

const batch = defineWorker({
  name: 'Batch',
  message: Email,
  batch: { size: 100, wait: '10s' },
  handleBatch: (items, { signal }) =>
    items.map((item, index) => {
      equal<string>()(item.message.to);
      return index === 0 ? new TemporaryError('x', { retryAfter: '1m' }) : signal.aborted;
    }),
});
holds<Equal<ResultOf<typeof batch>, boolean>>();

// A worker of anything takes every worker.
const all: Worker[] = [one, bare, byType, batch];
void all;

const misuses = [
  // @ts-expect-error a number has no unit
  () => defineWorker({ name: 'X', timeout: 300, handle: () => 1 }),
  // @ts-expect-error the unit is none
  () => defineWorker({ name: 'X', timeout: '5 minutes', handle: () => 1 }),
  // @ts-expect-error misspelt
  () => defineWorker({ name: 'X', concurency: 4, handle: () => 1 }),
  // @ts-expect-error nothing handles
  () => defineWorker({ name: 'X' }),
  // @ts-expect-error a batch has a size
  () => defineWorker({ name: 'X', handleBatch: () => [] }),
  // @ts-expect-error one outcome for each, not one for all
  () => defineWorker({ name: 'X', batch: { size: 2 }, handleBatch: () => true }),
  // @ts-expect-error `handlers` takes what on() returns
  () => defineWorker({ name: 'X', handlers: { send_audio: () => 1 } }),
  // @ts-expect-error no such curve
  () => defineWorker({ name: 'X', retry: { backoff: 'cubic' }, handle: () => 1 }),
  // @ts-expect-error no schema
  () => defineWorker({ name: 'X', message: { to: 'string' }, handle: () => 1 }),
  // @ts-expect-error a duration
  () => new TemporaryError('x', { retryAfter: 30 }),
  // @ts-expect-error a permanent one is never tried again
  () => new PermanentError('x', { retryAfter: '30s' }),
];
void misuses;
