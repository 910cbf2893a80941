import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defineWorker } from '../../src/workers/define-worker.ts';
import { PermanentError, retry } from '../../src/workers/errors.ts';
import { testWorker } from '../../src/workers/test-worker.ts';

const failing = (options: object = {}) =>
  defineWorker({ name: 'Failing', handle: () => retry('again'), ...options });

test('an exhausted message is tried again after 1, 2 and 4 seconds, and is then a dead letter', async () => {
  assert.deepEqual(await testWorker(failing()).exhaust(null), {
    outcome: { kind: 'dead', failure: 'exhausted', class: 'retry', reason: 'again' },
    attempts: 4,
    dueAt: [1_000, 3_000, 7_000],
  });
});

test('fixed, linear and capped rests come as the worker says', async () => {
  const dueAt = async (retry: object) =>
    (await testWorker(failing({ retry: { max: 3, ...retry } })).exhaust(null)).dueAt;
  assert.deepEqual(await dueAt({ backoff: 'fixed', delay: '60s' }), [60_000, 120_000, 180_000]);
  assert.deepEqual(await dueAt({ backoff: 'linear', delay: '1s' }), [1_000, 3_000, 6_000]);
  assert.deepEqual(await dueAt({ delay: '1s', cap: '3s' }), [1_000, 3_000, 6_000]);
});

test('settings fill what the worker leaves open', async () => {
  const { attempts, dueAt } = await testWorker(failing(), {
    retry: { max: 1, initial: 60_000 },
  }).exhaust(null);
  assert.deepEqual([attempts, dueAt], [2, [60_000]]);
});

test('a message that gets well is done at its attempt', async () => {
  const worker = defineWorker({
    name: 'GetsWell',
    handle: (_message, { attempt }) => (attempt < 3 ? retry('not yet', { after: '30s' }) : attempt),
  });
  assert.deepEqual(await testWorker(worker).exhaust(null), {
    outcome: { kind: 'done', result: 3, published: [] },
    attempts: 3,
    dueAt: [30_000, 60_000],
  });
});

test('a permanent failure is a dead letter at once', async () => {
  const worker = defineWorker({
    name: 'Permanent',
    handle() {
      throw new PermanentError('never');
    },
  });
  const { attempts, outcome } = await testWorker(worker).exhaust(null);
  assert.deepEqual([attempts, outcome.kind], [1, 'dead']);
});

test('a message has the id and the key that the worker reads from it, as it has when it is run', async () => {
  interface Order {
    order: number;
    customer?: string;
  }
  const worker = defineWorker({
    name: 'Named',
    idFrom: ({ order }: Order) => order,
    keyFrom: ({ customer }: Order) => customer,
    handle: (_, { id, key, idempotencyKey }) => [id, key, idempotencyKey],
  });
  const tested = testWorker(worker);
  const resultOf = async (message: Order, options = {}) => {
    const outcome = await tested.run(message, options);
    return outcome.kind === 'done' ? outcome.result : outcome;
  };
  assert.deepEqual(await resultOf({ order: 7, customer: 'ana' }), ['7', 'ana', 'Named/7']);
  assert.deepEqual(await resultOf({ order: 7 }, { id: 'x', key: 'k' }), ['x', 'k', 'Named/x']);
  assert.deepEqual(await resultOf({ order: 2 ** 53 }), {
    ...{ kind: 'dead', failure: 'malformed', class: 'malformed' },
    reason:
      'its id or key cannot be read: RangeError: idFrom returned a number beyond 2^53: send it as text',
  });
  const batch = await tested.runBatch([{ order: 1 }, { order: 2 ** 53 }, { order: 3 }]);
  assert.deepEqual(
    batch.map((each) => (each.kind === 'done' ? each.result[0] : each.kind)),
    ['1', 'dead', '3'],
  );
});
