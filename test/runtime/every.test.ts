import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { every } from '../../src/runtime/every.ts';
import { mapLimit } from '../../src/runtime/map-limit.ts';
import { silent } from '../../src/runtime/log.ts';
import { eventually } from '../helpers/eventually.ts';

function listener() {
  const told: string[] = [];
  const tell = (_: object, sentence: string): void => void told.push(sentence);
  return { log: { ...silent, info: tell, warn: tell }, told };
}

const SENTENCES = {
  runbook: 'report-a-fault' as const,
  failed: 'It fails',
  again: 'It works again',
};

test('it is done again and again, never twice at once, and not after the end, which waits for the last time', async () => {
  const { log } = listener();
  let [now, most, count] = [0, 0, 0];
  const each = every(
    5,
    async () => {
      most = Math.max(most, (now += 1));
      await delay(20);
      now -= 1;
      count += 1;
    },
    log,
    SENTENCES,
  );
  await Promise.all([each.run(), each.run(), eventually('thrice', () => assert.ok(count >= 3))]);
  void each.run();
  await each.close();
  assert.deepEqual([now, most], [0, 1]);
  const done = count;
  await delay(40);
  assert.equal(count, done);
});

test('who asks for it while it is under way waits for a time that begins afterwards, all who ask meanwhile for the same one', async () => {
  const begun: PromiseWithResolvers<void>[] = [];
  const act = (): Promise<void> => {
    const time = Promise.withResolvers<void>();
    begun.push(time);
    return time.promise;
  };
  const each = every(3_600_000, act, silent, SENTENCES);
  const first = each.run();
  let isDone = false;
  const others = Promise.all([each.run(), each.run()]).then(() => (isDone = true));
  begun[0]?.resolve();
  await first;
  await eventually('the second begins', () => assert.equal(begun.length, 2));
  assert.equal(isDone, false);
  begun[1]?.resolve();
  await others;
  await each.close();
  assert.equal(begun.length, 2);
});

test('of failures in a row the first is told, and that it works again', async () => {
  const { log, told } = listener();
  let isAway = true;
  const act = () => (isAway ? Promise.reject(new Error('away')) : Promise.resolve());
  const each = every(3_600_000, act, log, SENTENCES);
  for (const away of [true, true, false, false, true]) {
    isAway = away;
    await each.run();
  }
  await each.close();
  assert.deepEqual(told, ['It fails', 'It works again', 'It fails']);
});

test('so many at a time, with the answers in the order of what was asked', async () => {
  let [now, most] = [0, 0];
  const answers = await mapLimit([30, 5, 20, 1, 10], 2, async (ms) => {
    most = Math.max(most, (now += 1));
    await delay(ms);
    now -= 1;
    return ms;
  });
  assert.deepEqual([answers, most], [[30, 5, 20, 1, 10], 2]);
  assert.deepEqual(await mapLimit([], 2, () => Promise.resolve(1)), []);
});

test('the first failure ends it: what was not begun is not begun', async () => {
  const begun: number[] = [];
  const ask = async (one: number): Promise<void> => {
    begun.push(one);
    await delay(5);
    if (one === 2) throw new Error('refused');
  };
  await assert.rejects(mapLimit([1, 2, 3, 4, 5, 6], 2, ask), /refused/);
  await delay(20);
  assert.deepEqual(begun, [1, 2, 3].slice(0, begun.length));
});
