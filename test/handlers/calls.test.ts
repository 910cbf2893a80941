/** What crosses to the handler process and back. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { callOf, fixture, startCaller } from '../helpers/handlers.ts';

test('a handler runs in another process, and its result comes back', async (t) => {
  const { call } = startCaller(t);
  const ended = await call('a', { act: 'echo' });
  assert.equal(ended.kind, 'done');
  assert.ok(ended.kind === 'done' && typeof ended.result === 'number');
  assert.notEqual(ended.result, process.pid);
});

test('10,000 calls end each with its own result', async (t) => {
  const { call } = startCaller(t, { concurrency: 50 });
  const ids = Array.from({ length: 10_000 }, (_, index) => String(index));
  const ends = await Promise.all(ids.map((id) => call(id, { act: 'echo', value: `of ${id}` })));
  assert.deepEqual(
    ends.map((ended) => (ended.kind === 'done' ? ended.result : ended.kind)),
    ids.map((id) => `of ${id}`),
  );
});

test('no more calls run at once than may', async (t) => {
  const { call, gate, open, told, lines } = startCaller(t, { concurrency: 2 });
  const begun = () => lines.filter(({ sentence }) => sentence.startsWith('begun')).length;
  const all = ['a', 'b', 'c'].map((id) => call(id, { act: 'hold', until: gate(id) }));
  await told('begun', 2);
  open('a');
  await all[0];
  assert.equal(begun(), 2, 'before the end of the first was told');
  await told('begun c');
  open('b');
  open('c');
  await Promise.all(all);
});

test('a result of a megabyte crosses whole', async (t) => {
  const { call } = startCaller(t);
  const ended = await call('a', { act: 'large', bytes: 1_000_000 });
  assert.ok(ended.kind === 'done' && typeof ended.result === 'string');
  assert.equal(ended.result.length, 1_000_000);
});

test('a result that JSON cannot hold fails its own call, and no other', async (t) => {
  const { call } = startCaller(t);
  const [odd, other] = await Promise.all([
    call('a', { act: 'big-number' }),
    call('b', { act: 'echo', value: 1 }),
  ]);
  assert.ok(odd.kind === 'failed' && odd.class === 'not-json');
  assert.equal(other.kind, 'done');
});

test('a runner that throws ends its own call as to be tried again', async (t) => {
  const { call } = startCaller(t);
  const ended = await call('a', { act: 'throw-here' });
  assert.deepEqual(ended, {
    ...{ kind: 'again', reason: 'Error: a fault of the runner' },
    ...{ class: 'internal', retryAfter: null },
  });
});

test('a batch is one call, with an end for each message', async (t) => {
  const { caller } = startCaller(t, {
    concurrency: 1,
    module: fixture('acts', 'count batches'),
  });
  const calls = ['a', 'b', 'c'].map((id) => callOf(id, { act: 'echo' }));
  const ended = { kind: 'done', result: 3, outgoing: [] };
  assert.deepEqual(await caller.callBatch(calls), [ended, ended, ended]);
});

test('a hook is told in the handler process', async (t) => {
  const { caller, told } = startCaller(t);
  caller.tell(callOf('a', { act: 'echo' }), { kind: 'onSuccess', result: 1 });
  assert.deepEqual((await told('onSuccess of a')).facts, { task: 'a' });
});

test('hooks that hang hold up no call, and those beyond a thousand that wait are left out', async (t) => {
  const { caller, call, told, counted } = startCaller(t, { concurrency: 1 });
  await call('before', { act: 'echo' });
  for (let n = 0; n < 1_003; n += 1)
    caller.tell(callOf(`h${n}`, { act: 'hang-in-hook' }), { kind: 'onSuccess' });
  assert.equal((await call('next', { act: 'echo' })).kind, 'done');
  assert.equal((await told('1000 hooks of a worker wait')).level, 'warn');
  // One of them has begun.
  assert.deepEqual(counted, [
    ['hook.left-out', 1],
    ['hook.left-out', 1],
  ]);
});

test('lines and counts of a handler come with the facts of its task', async (t) => {
  const { call, lines, counted } = startCaller(t);
  await call('a', { act: 'tell' });
  assert.deepEqual(lines.at(-1), {
    ...{ level: 'warn', sentence: 'the mail is slow' },
    facts: { runbook: 'handlers-fail', server: 'm1', task: 'a' },
  });
  assert.deepEqual(counted, [['mails', 2]]);
});

test('what user code prints goes to the log within bounds, and breaks nothing', async (t) => {
  const { call, lines, told } = startCaller(t);
  const print = call('a', { act: 'print', lines: 20_000 });
  const echo = call('b', { act: 'echo', value: 1 });
  assert.equal((await echo).kind, 'done');
  // The channel is hidden, so that no library writes into it.
  assert.deepEqual(await print, { kind: 'done', result: true, outgoing: [] });
  assert.match((await told('on the other')).level, /warn/);
  await told('["ended", 0]');
  assert.ok(lines.every(({ sentence }) => sentence.length <= 8_000));
  assert.equal((await call('c', { act: 'echo', value: 2 })).kind, 'done');
});

test('the handlers see the environment that they are given, and no other', async (t) => {
  const { call } = startCaller(t, { env: { PATH: '/bin', SMTP_HOST: 'mail' } });
  const ended = await call('a', { act: 'environment' });
  assert.ok(ended.kind === 'done' && typeof ended.result === 'object' && ended.result !== null);
  const names = Object.keys(ended.result).filter((name) => !name.startsWith('NODE_CHANNEL'));
  assert.deepEqual(names.sort(), ['PATH', 'SMTP_HOST']);
});
