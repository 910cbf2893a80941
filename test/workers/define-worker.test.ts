import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { kafka, rabbitmq } from '../../src/workers/channel.ts';
import { WorkerDefinitionError } from '../../src/workers/check-options.ts';
import { defineWorker, on } from '../../src/workers/define-worker.ts';
import { isWorker, rulesOf } from '../../src/workers/worker.ts';

const handle = () => null;

/** As JavaScript, or a file whose types nobody checks, may call it. */
function faultsOf(options: object): string[] {
  try {
    Reflect.apply(defineWorker, null, [options]);
    return [];
  } catch (error) {
    assert.ok(error instanceof WorkerDefinitionError);
    return error.message
      .split('\n')
      .slice(1)
      .map((line) => line.trim());
  }
}

test('a worker that says nothing leaves everything open, and the defaults are those that are promised', () => {
  const worker = defineWorker({ name: 'Bare', handle });
  assert.deepEqual([worker.from, worker.to, worker.deadLetters], [null, null, null]);
  assert.deepEqual([worker.concurrency, worker.timeout, worker.retry.max], [null, null, null]);
  assert.deepEqual(rulesOf(worker), {
    concurrency: 4,
    timeout: 300_000,
    retry: { max: 3, kind: 'exponential', initial: 1_000 },
  });
});

test('the code of a worker wins over the settings, and the settings over the defaults', () => {
  const worker = defineWorker({
    ...{ name: 'Own', handle, concurrency: 8 },
    retry: { max: 9, backoff: 'linear', cap: '10m', jitter: true },
  });
  const retry = { max: 5, kind: 'fixed', initial: 60_000, longest: null, jitter: null } as const;
  assert.deepEqual(rulesOf(worker, { concurrency: 2, timeout: 1_000, retry }), {
    concurrency: 8,
    timeout: 1_000,
    retry: { max: 9, kind: 'linear', initial: 60_000, longest: 600_000, jitter: 1 },
  });
});

test('the group of a topic is the name of its worker, unless it is given', () => {
  const from = (channel: Parameters<typeof defineWorker>[0]['from']) =>
    defineWorker({ name: 'EmailWorker', handle, from: channel }).from;
  assert.deepEqual(from(kafka('emails')), {
    broker: 'kafka',
    name: 'emails',
    group: 'EmailWorker',
  });
  assert.equal(from(kafka('emails', { group: 'email-sender' }))?.group, 'email-sender');
  assert.deepEqual(from(rabbitmq('emails')), { broker: 'rabbitmq', name: 'emails' });
});

test('every fault of a definition is told at once, with the option that was probably meant', () => {
  assert.deepEqual(
    faultsOf({
      name: 'no blanks',
      handle,
      concurency: 4,
      max_retries: 3,
      timeout: 300,
      retry: { max: -1, back_off: 'fixed', backoff: 'cubic' },
      from: 'emails',
      message: { to: 'string' },
      result: { keepFor: '0s' },
    }),
    [
      'name: expected a name of letters, digits, dots, - and _, with a letter first (at most 80 characters), got "no blanks"',
      'concurency: is no option (did you mean concurrency?)',
      'max_retries: is no option (known are name, from, to, deadLetters, message, handle, handlers, typeField, handleBatch, batch, concurrency, timeout, ordering, retry, result, isolate, idFrom, keyFrom, classify, onSuccess, onRetry, onError)',
      'timeout: expected a duration with its unit from 1ms to 7d, such as 20ms, 10s, 5m or 7d, got 300',
      'retry.max: expected a whole number from 0 to 1000, got -1',
      'retry.back_off: is no option (did you mean backoff?)',
      'retry.backoff: expected one of fixed, linear, exponential, got "cubic"',
      `from: expected a channel, such as kafka('emails') or rabbitmq('emails'), got "emails"`,
      'message: expected a Standard Schema, such as one of zod, valibot or arktype, got a value of type object',
      'result.keepFor: expected a duration with its unit from 1s to 3650d, such as 20ms, 10s, 5m or 7d, got "0s"',
    ],
  );
});

test('a worker handles its messages in exactly one way, and has no option that belongs to another', () => {
  const ways = 'expected one of handle, handlers and handleBatch, got';
  assert.deepEqual(faultsOf({ name: 'X' }), [`${ways} none of them`]);
  assert.deepEqual(faultsOf({ name: 'X', handle, handleBatch: handle }), [
    `${ways} handle and handleBatch`,
  ]);
  assert.deepEqual(faultsOf({ name: 'X', handle, batch: { size: 2 }, typeField: 'kind' }), [
    'batch: has no effect without handleBatch',
    'typeField: has no effect without handlers',
  ]);
  assert.deepEqual(faultsOf({ name: 'X', handleBatch: handle }), [
    'batch: expected at least { size }, got nothing',
  ]);
  assert.deepEqual(faultsOf({ name: 'X', handleBatch: handle, batch: { size: 1_001 } }), [
    'batch.size: expected a whole number from 1 to 1000, got 1001',
  ]);
  assert.deepEqual(faultsOf({ name: 'X', handlers: { a: handle } }), [
    'handlers: expected an object with a handler by on(schema, handle) for each type, got a value of type object',
  ]);
});

test('messages have an order where the worker asks for one, and none otherwise', () => {
  assert.equal(defineWorker({ name: 'X', handle, ordering: 'key' }).isOrdered, true);
  assert.equal(defineWorker({ name: 'X', handle, ordering: 'none' }).isOrdered, false);
  assert.equal(defineWorker({ name: 'X', handle }).isOrdered, false);
});

test('a definition cannot be changed, and nothing else is taken for one', () => {
  const worker = defineWorker({
    name: 'ByType',
    handlers: { send_audio: on(z.object({}), handle) },
  });
  assert.ok(Object.isFrozen(worker) && isWorker(worker));
  assert.equal(isWorker({ ...{}, name: 'ByType' }), false);
});
