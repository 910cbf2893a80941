import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { z } from 'zod';
import { rabbitmq } from '../../src/workers/channel.ts';
import { bisect } from '../../src/workers/bisect.ts';
import type { Items } from '../../src/workers/context.ts';
import { defineWorker } from '../../src/workers/define-worker.ts';
import { PermanentError, TemporaryError, reject, retry } from '../../src/workers/errors.ts';
import { testWorker } from '../../src/workers/test-worker.ts';

const Event = z.object({ n: z.number() });
type EventMessage = z.infer<typeof Event>;

/** Keeps the numbers of each call. */
function batchWorker(
  handleBatch: (items: Items<EventMessage>) => readonly unknown[],
  whenItThrows?: 'bisect' | 'retry',
) {
  const calls: number[][] = [];
  const worker = defineWorker({
    name: 'BatchWorker',
    message: Event,
    batch: { size: 100, wait: '10s', whenItThrows },
    handleBatch(items) {
      calls.push(items.map(({ message }) => message.n));
      return handleBatch(items);
    },
  });
  return { calls, tested: testWorker(worker) };
}

const numbers = (...all: number[]) => all.map((n) => ({ n }));
const kinds = (outcomes: { kind: string }[]) => outcomes.map(({ kind }) => kind);

test('each message of a batch has an outcome of its own', async () => {
  const { tested } = batchWorker((items) =>
    items.map(({ message: { n }, id }) =>
      n === 1
        ? retry('again', { after: '9s' })
        : n === 2
          ? reject('never')
          : n === 3
            ? new Error('caught')
            : id,
    ),
  );
  assert.deepEqual(await tested.runBatch(numbers(1, 2, 3, 4)), [
    { kind: 'retry', after: 9_000, class: 'retry', reason: 'again' },
    { kind: 'dead', failure: 'permanent', class: 'reject', reason: 'never' },
    { kind: 'retry', after: 1_000, class: 'Error', reason: 'caught' },
    { kind: 'done', result: 'test-4', published: [] },
  ]);
});

test('what is no message of the worker is taken out before the batch is handled', async () => {
  const { tested, calls } = batchWorker((items) => items.map(() => null));
  const outcomes = await tested.runBatch(numbers(1, NaN, 3)); // JSON has no NaN: it is null
  assert.deepEqual(kinds(outcomes), ['done', 'dead', 'done']);
  assert.deepEqual(calls, [[1, 3]]);
});

test('a batch that throws is halved until the poisonous message stands alone', async () => {
  const { tested, calls } = batchWorker((items) =>
    items.map(({ message: { n }, publish }) => {
      publish(rabbitmq('audit'), n);
      if (n === 3) throw new PermanentError('poison');
      return n;
    }),
  );
  const outcomes = await tested.runBatch(numbers(1, 2, 3, 4));
  assert.deepEqual(kinds(outcomes), ['done', 'done', 'dead', 'done']);
  assert.deepEqual(calls, [[1, 2, 3, 4], [1, 2], [3, 4], [3], [4]]);
  const [first] = outcomes;
  assert.equal(first?.kind === 'done' && first.published.length, 1);
});

test('a TemporaryError for the whole batch is no fault of one of its messages', async () => {
  const { tested, calls } = batchWorker(() => {
    throw new TemporaryError('the database is away', { retryAfter: '1m' });
  });
  const outcomes = await tested.runBatch(numbers(1, 2));
  const expected = { kind: 'retry', after: 60_000, class: 'TemporaryError' };
  const reason = 'the database is away';
  assert.deepEqual(outcomes, [
    { ...expected, reason },
    { ...expected, reason },
  ]);
  assert.equal(calls.length, 1);
});

test('a worker may have its batch tried again as a whole', async () => {
  const { tested, calls } = batchWorker(() => {
    throw new Error('one of them');
  }, 'retry');
  assert.deepEqual(kinds(await tested.runBatch(numbers(1, 2))), ['retry', 'retry']);
  assert.equal(calls.length, 1);
});

test('as many outcomes as messages, or all of them are tried again', async () => {
  for (const outcomes of [[1], [1, 2, 3]]) {
    const { tested } = batchWorker(() => outcomes);
    for (const outcome of await tested.runBatch(numbers(1, 2)))
      assert.equal(outcome.kind === 'retry' && outcome.class, 'bad-batch-result');
  }
});

test('a batch whose time is over is not halved', async () => {
  const stop = new AbortController();
  const { tested, calls } = batchWorker(() => {
    stop.abort(new DOMException('over', 'TimeoutError'));
    throw new Error('aborted');
  });
  const outcomes = await tested.runBatch(numbers(1, 2), { signal: stop.signal });
  assert.deepEqual(
    outcomes.map((outcome) => outcome.kind === 'retry' && outcome.class),
    ['timeout', 'timeout'],
  );
  assert.equal(calls.length, 1);
});

test('one message of a worker with batches is a batch of one', async () => {
  const { tested, calls } = batchWorker((items) => items.map(({ message }) => message.n * 2));
  assert.deepEqual(await tested.run({ n: 2 }), { kind: 'done', result: 4, published: [] });
  assert.deepEqual(calls, [[2]]);
});

test('a worker without batches handles each message of one by itself', async () => {
  const worker = defineWorker({ name: 'One', message: Event, handle: ({ n }) => n });
  const outcomes = await testWorker(worker).runBatch(numbers(1, 2));
  assert.deepEqual(kinds(outcomes), ['done', 'done']);
});

test('halving blames the poisonous alone, keeps the order, and costs few calls for few of them', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.boolean(), { minLength: 1, maxLength: 200 }), async (poison) => {
      let calls = 0;
      const all = poison.map((isPoison, index) => ({ isPoison, index }));
      const outcomes = await bisect(
        all,
        (some) => {
          calls += 1;
          if (some.some(({ isPoison }) => isPoison)) return Promise.reject(new Error('poison'));
          return Promise.resolve(some.map(({ index }) => index));
        },
        () => false,
        () => -1,
      );
      assert.deepEqual(
        outcomes,
        all.map(({ isPoison, index }) => (isPoison ? -1 : index)),
      );
      const bad = poison.filter(Boolean).length;
      assert.ok(calls <= 1 + 2 * bad * Math.ceil(Math.log2(poison.length + 1)));
    }),
  );
});
