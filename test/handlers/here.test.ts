/** Handlers in this process, as for a debugger. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startCaller } from '../helpers/handlers.ts';

test('without isolation a handler runs in this process', async (t) => {
  const { call } = startCaller(t, { isolate: false });
  const ended = await call('a', { act: 'echo' });
  assert.deepEqual(ended, { kind: 'done', result: process.pid, outgoing: [] });
  assert.equal((await call('b', { act: 'echo' }, { alone: true })).kind, 'done');
});

test('without isolation a handler that goes on after its abort is given up, and runs on', async (t) => {
  const { call, gate, told } = startCaller(t, {
    ...{ isolate: false, timeoutMs: 200, graceMs: 200, concurrency: 1 },
  });
  const deaf = call('deaf', { act: 'hold', until: gate('never'), deaf: true });
  const next = call('next', { act: 'echo' });
  await told('heard TimeoutError');
  assert.equal((await deaf).kind, 'timeout');
  assert.equal((await next).kind, 'done');
});

test('without isolation a stop interrupts what does not end', async (t) => {
  const { caller, call, gate, told } = startCaller(t, { isolate: false, stopGraceMs: 200 });
  const heeding = call('heeding', { act: 'hold', until: gate('never') });
  await told('begun heeding');
  await caller.stop(0);
  assert.equal((await heeding).kind, 'interrupted');
});
