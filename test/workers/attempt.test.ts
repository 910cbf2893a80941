import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { z } from 'zod';
import { kafka, rabbitmq } from '../../src/workers/channel.ts';
import { defineWorker, on } from '../../src/workers/define-worker.ts';
import { PermanentError, TemporaryError, reject, retry } from '../../src/workers/errors.ts';
import { identityOf } from '../../src/workers/identity.ts';
import { readMessage } from '../../src/workers/message.ts';
import { testWorker } from '../../src/workers/test-worker.ts';
import type { Context } from '../../src/workers/context.ts';

const Email = z.object({ to: z.email(), lang: z.string().default('pt') });
const EMAIL = { to: 'ana@example.com' };

/** A worker that does this alone. */
const doing = (handle: (message: unknown, context: Context) => unknown) =>
  testWorker(defineWorker({ name: 'Doing', handle }));

test('a handler gets the message as its schema gives it, and what belongs to it', async () => {
  const seen: unknown[] = [];
  const worker = defineWorker({
    name: 'EmailWorker',
    message: Email,
    handle(message, { id, idempotencyKey, attempt, isLastAttempt, key, headers, receivedAt }) {
      seen.push({ message, id, idempotencyKey, attempt, isLastAttempt, key, headers, receivedAt });
    },
  });
  const receivedAt = new Date(5);
  const options = { id: 'm-1', attempt: 4, key: 'k', headers: { a: 'b' }, receivedAt };
  const outcome = await testWorker(worker).run(EMAIL, options);
  assert.deepEqual(outcome, { kind: 'done', result: undefined, published: [] });
  assert.deepEqual(seen, [
    {
      message: { to: 'ana@example.com', lang: 'pt' },
      idempotencyKey: 'EmailWorker/m-1',
      ...{ ...options, isLastAttempt: true },
    },
  ]);
});

test('a message that is none of the worker is malformed, and no fault quotes it', async () => {
  const told: unknown[] = [];
  const worker = defineWorker({
    name: 'Strict',
    message: z.strictObject({ to: z.email(), list: z.array(z.object({ n: z.number() })) }),
    handle: () => assert.fail('it is not handled'),
    onError: (message) => told.push(message),
  });
  const tested = testWorker(worker);
  const malformed = { kind: 'dead', failure: 'malformed' };
  const schema = { ...malformed, class: 'schema' };
  const json = { ...malformed, class: 'not-json' };
  const wrong = JSON.stringify({ to: 'secret', list: [{ n: 1 }, { n: 'x' }] });
  assert.deepEqual(await tested.runBody(wrong), {
    ...{ ...schema, reason: 'the schema does not accept /to, /list/1/n' },
  });
  const whole = 'the schema does not accept the message as a whole';
  assert.deepEqual(await tested.runBody('[]'), { ...schema, reason: whole });
  assert.deepEqual(await tested.runBody(''), { ...schema, reason: whole });
  assert.deepEqual(await tested.runBody('{"to": secret}'), {
    ...{ ...json, reason: 'the body is no JSON' },
  });
  assert.deepEqual(await tested.runBody(Uint8Array.of(0x22, 0xff, 0x22)), {
    ...{ ...json, reason: 'the body is no UTF-8' },
  });
  assert.deepEqual(told, [], 'there is no message to tell a hook of');
});

test('of a body that is compressed the reason tells how, and of one that names an odd encoding not even that', async () => {
  const { work } = defineWorker({ name: 'Packed', handle: () => 1 });
  const reasonOf = async (encoding: string) => {
    const read = await readMessage(work, gzipSync('1').toString('base64'), encoding);
    return read.kind === 'failed' && read.reason;
  };
  const told = (encoding: string) =>
    `the body is no UTF-8, and its content-encoding is ${encoding}: handlers get JSON in UTF-8, so publish it without`;
  assert.equal(await reasonOf('gzip'), told('gzip'));
  assert.equal(await reasonOf('ana@example.com'), told('(not shown)'));
});

test('the path of a fault names no key that may be somebody’s data', async () => {
  const message = z.record(z.string(), z.number());
  const tested = testWorker(defineWorker({ name: 'Record', message, handle: () => 1 }));
  const outcome = await tested.runBody(JSON.stringify({ 'ana@example.com': 'x', fine: 'x' }));
  assert.equal(
    outcome.kind === 'dead' && outcome.reason,
    'the schema does not accept /(not shown), /fine',
  );
});

test('messages go to the handler of their type, and one of an unknown type is a dead letter', async () => {
  const worker = defineWorker({
    name: 'ByType',
    typeField: 'kind',
    handlers: {
      audio: on(z.object({ n: z.number() }), ({ n }) => n + 1),
      text: on(z.object({ text: z.string() }), async ({ text }) => Promise.resolve(text)),
    },
  });
  const tested = testWorker(worker);
  assert.deepEqual(await tested.run({ kind: 'audio', n: 1 }), {
    ...{ kind: 'done', result: 2, published: [] },
  });
  const unknown = { kind: 'dead', failure: 'unknown-type', class: 'unknown-type' };
  const reasons = {
    '{"kind":"video"}': 'no handler takes the type video of the field kind, only audio, text',
    '{"kind":"constructor"}':
      'no handler takes the type constructor of the field kind, only audio, text',
    '{"kind":"to ana@example.com"}':
      'no handler takes the type (not shown) of the field kind, only audio, text',
    '{"type":"audio"}': 'the message has no field kind, which names its type: audio, text',
    null: 'the message has no field kind, which names its type: audio, text',
  };
  for (const [body, reason] of Object.entries(reasons))
    assert.deepEqual(await tested.runBody(body), { ...unknown, reason });
});

test('what is thrown decides about another attempt', async () => {
  const once = (error: unknown) =>
    doing(() => {
      throw error;
    }).run(null);
  assert.deepEqual(await once(new PermanentError('no such user')), {
    ...{ kind: 'dead', failure: 'permanent', class: 'PermanentError', reason: 'no such user' },
  });
  assert.deepEqual(await once(new TemporaryError('busy', { retryAfter: '7 s', class: 'smtp' })), {
    ...{ kind: 'retry', after: 7_000, class: 'smtp', reason: 'busy' },
  });
  assert.deepEqual(
    await once(new TypeError('fetch failed', { cause: new Error('ECONNREFUSED') })),
    {
      ...{ kind: 'retry', after: 1_000, class: 'TypeError', reason: 'fetch failed: ECONNREFUSED' },
    },
  );
  assert.deepEqual(await once('a text'), {
    ...{ kind: 'retry', after: 1_000, class: 'string', reason: 'a text' },
  });
  class CardRefused extends PermanentError {}
  const refused = await once(new CardRefused('expired'));
  assert.equal(refused.kind === 'dead' && refused.class, 'CardRefused');
});

test('retry() and reject() say the same as the two errors, and so does an error that is returned', async () => {
  const once = (value: unknown) => doing(() => value).run(null);
  assert.deepEqual(await once(retry('not yet', { after: '30s' })), {
    ...{ kind: 'retry', after: 30_000, class: 'retry', reason: 'not yet' },
  });
  assert.deepEqual(await once(reject('never')), {
    ...{ kind: 'dead', failure: 'permanent', class: 'reject', reason: 'never' },
  });
  assert.equal((await once(new Error('caught'))).kind, 'retry');
  assert.equal((await once(new PermanentError('caught'))).kind, 'dead');
});

test('retryAfter takes a duration with its unit alone', () => {
  assert.throws(
    () => Reflect.construct(TemporaryError, ['x', { retryAfter: 30 }]),
    /with its unit/,
  );
});

test('the worker says what the errors of others mean, and a classify that throws has said nothing', async () => {
  const worker = (error: unknown) =>
    testWorker(
      defineWorker({
        name: 'Classifies',
        classify(error) {
          if (!(error instanceof RangeError)) throw new Error('a fault of its own');
          return 'permanent';
        },
        handle() {
          throw error;
        },
      }),
    );
  assert.equal((await worker(new RangeError('x')).run(null)).kind, 'dead');
  assert.equal((await worker(new TypeError('x')).run(null)).kind, 'retry');
  assert.equal((await worker(new TemporaryError('x')).run(null)).kind, 'retry');
});

test('the result is kept as JSON, and one that is none or too large is a clear failure', async () => {
  const once = (value: unknown) => doing(() => value).run(null);
  assert.deepEqual(await once({ at: new Date(0), none: undefined }), {
    ...{ kind: 'done', result: { at: '1970-01-01T00:00:00.000Z' }, published: [] },
  });
  const bad = { kind: 'dead', failure: 'permanent', class: 'bad-result' };
  const circle: unknown[] = [];
  circle.push(circle);
  for (const [value, why] of [
    [1n, 'Do not know how to serialize a BigInt'],
    [circle, 'Converting circular structure to JSON'],
    [() => 1, 'a function'],
  ])
    assert.deepEqual(await once(value), {
      ...bad,
      reason: `the result is no JSON: ${String(why)}`,
    });
  const large = await once('x'.repeat(1024 * 1024));
  assert.equal(large.kind === 'dead' && large.class, 'too-large');
});

test('the result goes out first, with the key of the message, and then what was published', async () => {
  const to = kafka('emails-sent');
  const audit = rabbitmq('audit');
  const worker = defineWorker({
    name: 'Publishes',
    to,
    handle(_message, { publish }) {
      const mutable = { n: 1 };
      publish(audit, mutable);
      mutable.n = 2;
      publish(audit, 'other', { key: null });
      return { sent: true };
    },
  });
  const outcome = await testWorker(worker).run(null, { key: 'k' });
  assert.deepEqual(outcome.kind === 'done' && outcome.published, [
    { channel: to, key: 'k', message: { sent: true } },
    { channel: audit, key: 'k', message: { n: 1 } },
    { channel: audit, key: null, message: 'other' },
  ]);
});

test('nothing is published by a handler that fails, or after it has returned', async () => {
  let late: Context['publish'] | undefined;
  const failing = doing((_message, { publish }) => {
    publish(rabbitmq('audit'), 1);
    late = publish;
    throw new Error('after it');
  });
  assert.deepEqual(await failing.run(null), {
    ...{ kind: 'retry', after: 1_000, class: 'Error', reason: 'after it' },
  });
  assert.throws(() => late?.(rabbitmq('audit'), 2), /after the handler had returned/);
  const noJson = doing((_message, { publish }) => publish(rabbitmq('audit'), undefined));
  const outcome = await noJson.run(null);
  assert.equal(outcome.kind === 'retry' && outcome.class, 'TypeError');
});

test('an aborted handler that throws has run out of time, or was interrupted; what it says itself counts', async () => {
  const aborted = doing((_message, { signal }) => signal.throwIfAborted());
  const timeout = AbortSignal.abort(new DOMException('over', 'TimeoutError'));
  const reason = 'its time was over before it was done';
  assert.deepEqual(await aborted.run(null, { signal: timeout }), {
    ...{ kind: 'retry', after: 1_000, class: 'timeout', reason },
  });
  assert.deepEqual(await aborted.run(null, { signal: timeout, attempt: 4 }), {
    ...{ kind: 'dead', failure: 'timeout', class: 'timeout', reason },
  });
  const stop = AbortSignal.abort();
  assert.deepEqual(await aborted.run(null, { signal: stop }), { kind: 'interrupted' });
  const done = doing(() => 'done all the same');
  assert.equal((await done.run(null, { signal: stop })).kind, 'done');
});

test('log lines name the task, and counters count', async () => {
  const tested = doing((_message, { log, metrics }) => {
    log.info('sent', { provider: 'a' });
    metrics.increment('sent');
    metrics.increment('sent', 2);
  });
  await tested.run(null, { id: 'm-1', attempt: 2 });
  const facts = { worker: 'Doing', task: 'm-1', attempt: 2, provider: 'a' };
  assert.deepEqual(tested.logged, [{ level: 'info', sentence: 'sent', facts }]);
  assert.deepEqual(tested.counted, { sent: 3 });
});

test('each hook is called where it is due, and an error comes with its class and its words', async () => {
  const told: unknown[] = [];
  const worker = defineWorker({
    name: 'Told',
    message: Email,
    handle: (_message, { attempt }) =>
      attempt === 2 ? { sent: true } : attempt === 3 ? reject('never') : retry('again'),
    onSuccess: (message, result) => told.push(['success', message.lang, result]),
    onRetry: (_message, error, { attempt }) => told.push([attempt, error.name, error.message]),
    onError: (_message, error, { attempt }) => told.push([attempt, 'end', error.message]),
  });
  for (const attempt of [1, 2, 3, 4]) await testWorker(worker).run(EMAIL, { attempt });
  assert.deepEqual(told, [
    [1, 'retry', 'again'],
    ['success', 'pt', { sent: true }],
    [3, 'end', 'never'],
    [4, 'end', 'again'],
  ]);
});

test('a hook that throws is told and counted, and changes nothing', async () => {
  const worker = defineWorker({
    name: 'BadHook',
    handle: () => 1,
    onSuccess: () => Promise.reject(new Error('no webhook')),
  });
  const tested = testWorker(worker);
  assert.equal((await tested.run(null)).kind, 'done');
  assert.match(tested.logged[0]?.sentence ?? '', /onSuccess has thrown/);
  assert.deepEqual(tested.counted, { 'hook.error': 1 });
});

test('a worker reads id and key from a message of its own, and from no other', async () => {
  const worker = defineWorker({
    name: 'Orders',
    message: z.object({ order: z.number(), customer: z.string().optional() }),
    idFrom: ({ order }) => order,
    keyFrom: ({ customer }) => customer,
    handle: () => null,
  });
  const of = (value: unknown) =>
    identityOf(worker, Buffer.from(JSON.stringify(value)).toString('base64'));
  assert.deepEqual(await of({ order: 0, customer: 'ana' }), { id: '0', key: 'ana' });
  assert.deepEqual(await of({ order: 7 }), { id: '7', key: null });
  assert.deepEqual(await of({ order: 'seven' }), { id: null, key: null });
});
