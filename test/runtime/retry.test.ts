import assert from 'node:assert/strict';
import { syncBuiltinESMExports } from 'node:module';
import { test } from 'node:test';
import { insist, within } from '../../src/runtime/retry.ts';

const never = () => new AbortController().signal;
const QUICK = { longestMs: 1 };

test('an action that works is done once', async () => {
  let times = 0;
  const result = await insist(
    () => {
      times += 1;
      return Promise.resolve('done');
    },
    { stop: never(), failed: () => assert.fail('nothing failed') },
  );
  assert.deepEqual([result, times], ['done', 1]);
});

test('an action that fails is done again until it works, and each failure is told with its rest', async () => {
  const told: [string, boolean][] = [];
  let times = 0;
  const result = await insist(
    () => {
      times += 1;
      return times < 4 ? Promise.reject(new Error(`no ${times}`)) : Promise.resolve(times);
    },
    {
      ...QUICK,
      stop: never(),
      failed: (error, restMs) =>
        told.push([error instanceof Error ? error.message : '', restMs >= 50 && restMs <= 51]),
    },
  );
  assert.equal(result, 4);
  assert.deepEqual(told, [
    ['no 1', true],
    ['no 2', true],
    ['no 3', true],
  ]);
});

test('rests grow to a limit and differ, so that all who lost a server do not come back at once', async (t) => {
  t.mock.method(Math, 'random', () => 1);
  t.mock.timers.enable({ apis: ['setTimeout'] });
  // For what has imported it by name.
  syncBuiltinESMExports();
  t.after(() => {
    t.mock.timers.reset();
    syncBuiltinESMExports();
  });
  const rests: number[] = [];
  const stop = new AbortController();
  const insisting = insist(() => Promise.reject(new Error('no')), {
    stop: stop.signal,
    failed(_, restMs) {
      rests.push(restMs);
      if (rests.length === 8) stop.abort(new Error('enough'));
      else setImmediate(() => t.mock.timers.tick(restMs)); // the timer is set when this has returned
    },
  });
  await assert.rejects(insisting);
  assert.deepEqual(rests, [250, 450, 850, 1_650, 3_250, 5_050, 5_050, 5_050]);
});

test('an error that is final is thrown at once', async () => {
  let times = 0;
  const insisting = insist(
    () => {
      times += 1;
      return Promise.reject(new Error('declared otherwise'));
    },
    { ...QUICK, stop: never(), failed: () => assert.fail('it is final'), isFinal: () => true },
  );
  await assert.rejects(insisting, /declared otherwise/);
  assert.equal(times, 1);
});

test('stopped before it begins, the action is not done and the reason is thrown', async () => {
  const action = () => assert.fail('not to be done');
  const stopped = AbortSignal.abort(new Error('stopping'));
  await assert.rejects(insist(action, { stop: stopped, failed() {} }), /stopping/);
});

test('stopped while it rests, it ends without another try', async () => {
  const stop = new AbortController();
  let times = 0;
  const insisting = insist(
    () => {
      times += 1;
      return Promise.reject(new Error('no'));
    },
    { stop: stop.signal, failed: () => stop.abort(new Error('stopping')) },
  );
  await assert.rejects(insisting);
  assert.equal(times, 1);
});

test('within gives what the work gives', async () => {
  assert.equal(await within(10_000, 'it', Promise.resolve('done')), 'done');
  await assert.rejects(within(10_000, 'it', Promise.reject(new Error('no'))), /^Error: no$/);
});

test('within does not wait longer, and names what was waited for', async () => {
  await assert.rejects(within(1, 'the confirm', new Promise(() => {})), {
    message: 'the confirm: no answer within 1 ms',
  });
});

test('work that fails after within has given up is no unhandled rejection', async (t) => {
  const unhandled = t.mock.fn();
  process.on('unhandledRejection', unhandled);
  t.after(() => process.off('unhandledRejection', unhandled));
  let fail: (error: Error) => void = () => {};
  const work = new Promise<never>((_, reject) => (fail = reject));
  await assert.rejects(within(1, 'it', work));
  fail(new Error('too late'));
  await new Promise(setImmediate);
  assert.equal(unhandled.mock.callCount(), 0);
});
