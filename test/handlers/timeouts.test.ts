/** Handlers whose time is over, or whose run is cancelled. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { callOf, startCaller } from '../helpers/handlers.ts';

const kinds = async (...ends: Promise<{ kind: string }>[]) =>
  (await Promise.all(ends)).map(({ kind }) => kind);

test('a handler hears that its time is over, and what it returns then counts', async (t) => {
  const { call, gate, open, told } = startCaller(t, { timeoutMs: 500 });
  const heeding = call('heeding', { act: 'hold', until: gate('never') });
  const late = call('late', { act: 'hold', until: gate('open'), deaf: true });
  await told('heard TimeoutError', 2);
  open('open');
  assert.deepEqual(await kinds(heeding, late), ['timeout', 'done']);
});

test('a handler that goes on holds its slot until its process is replaced, and others may finish', async (t) => {
  const { call, gate, open, told } = startCaller(t, { timeoutMs: 500, graceMs: 3_000 });
  const deaf = call('deaf', { act: 'hold', until: gate('never'), deaf: true });
  await told('heard TimeoutError');
  const other = call('other', { act: 'hold', until: gate('open'), deaf: true });
  await told('begun other');
  await told('A handler goes on after its abort');
  const next = call('next', { act: 'echo' });
  open('open');
  assert.deepEqual(await kinds(deaf, other, next), ['timeout', 'done', 'done']);
  assert.notDeepEqual(await next, await other);
});

test('who does not finish while a process is replaced is interrupted', async (t) => {
  const { call, gate, told } = startCaller(t, { timeoutMs: 3_000, graceMs: 1_000 });
  const deaf = call('deaf', { act: 'hold', until: gate('never'), deaf: true });
  await told('heard TimeoutError');
  const other = call('other', { act: 'hold', until: gate('never') });
  assert.deepEqual(await kinds(deaf, other), ['timeout', 'interrupted']);
});

test('a hook that hangs is told and given up after its time, and its slot is free', async (t) => {
  const { caller, call, told, counted } = startCaller(t, { concurrency: 1, hookMs: 300 });
  const before = await call('before', { act: 'echo' });
  caller.tell(callOf('a', { act: 'hang-in-hook' }), { kind: 'onSuccess' });
  const next = call('next', { act: 'echo' });
  const line = await told('The hook onSuccess is waited for no longer');
  assert.deepEqual([line.level, line.facts], ['warn', { runbook: 'handlers-fail', task: 'a' }]);
  // Nothing has to be replaced for it.
  assert.deepEqual(await next, before);
  assert.deepEqual(counted, [['hook.error', 1]]);
});

test('a handler that blocks its process alone is timed out', async (t) => {
  const { call } = startCaller(t, { timeoutMs: 1_000, graceMs: 300 });
  const blocking = call('blocking', { act: 'block' });
  const alone = call('alone', { act: 'block' }, { alone: true });
  assert.deepEqual(await kinds(blocking, alone), ['timeout', 'timeout']);
  assert.equal((await call('next', { act: 'echo' })).kind, 'done');
});

test('where one of several blocks their process, each is a suspect', async (t) => {
  const { call, gate, told } = startCaller(t, { timeoutMs: 2_000, graceMs: 500 });
  const innocent = call('innocent', { act: 'hold', until: gate('never') });
  await told('begun innocent');
  const blocking = call('blocking', { act: 'block' });
  assert.deepEqual(await kinds(innocent, blocking), ['crashed', 'crashed']);
  const line = await told('A handler blocks its process');
  assert.equal(line.level, 'warn');
});

test('a call that is cancelled hears it, and one that has not begun does not begin', async (t) => {
  const { caller, call, gate, told } = startCaller(t, { concurrency: 1 });
  const running = call('running', { act: 'hold', until: gate('never') });
  const waiting = call('waiting', { act: 'exit', code: 1 });
  await told('begun running');
  caller.cancel('waiting');
  caller.cancel('running');
  assert.deepEqual(await kinds(running, waiting), ['interrupted', 'interrupted']);
  await told('heard CancelledError');
});
