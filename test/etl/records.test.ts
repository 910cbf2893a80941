/** Runs over lists, as everybody sees them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createEnds } from '../../src/etl/ends.ts';
import { openEtlRuns, readEnds, workerOf, type EtlRun } from '../../src/etl/run/records.ts';
import { OWN } from '../../src/mongo/collections.ts';
import { serverTime } from '../../src/mongo/server-time.ts';
import type { TaskClaim } from '../../src/tasks/claims.ts';
import { testDatabase } from '../helpers/servers.ts';

test('a run of which nothing is heard any more is silent, and no run that has ended is', async (t) => {
  const { db, own } = await testDatabase(t);
  const runs = openEtlRuns(own);
  const counts = { processed: 1, failed: { odd: 1 }, attempts: 2, coerced: 0 };
  const noted = async (state: 'processing' | 'done', silentMs: number): Promise<EtlRun | null> => {
    const told = { input: '$records.json', output: '/out.json', items: 3, counts };
    await runs.note({ _id: 'a', ...told, state, startedAt: new Date(0) });
    const seenAt = new Date((await serverTime(db)) - silentMs);
    await own.collection<EtlRun>(OWN.etlRuns).updateOne({ _id: 'a' }, { $set: { seenAt } });
    return runs.find('a');
  };
  const alive = await noted('processing', 10_000);
  assert.deepEqual(
    [alive?.state, alive?.input, alive?.counts],
    ['processing', '$records.json', counts],
  );
  assert.equal((await noted('processing', 70_000))?.state, 'silent');
  assert.deepEqual(
    (await runs.list(5)).map(({ state }) => state),
    ['silent'],
  );
  assert.equal((await noted('done', 70_000))?.state, 'done');
});

test('ends are read from the claims in the order in which they came, and written piece by piece', async (t) => {
  const { own } = await testDatabase(t);
  const run = '20260101-000000-aaaaaa';
  const worker = workerOf(run);
  const count = 1_200;
  const claims = Array.from({ length: count }, (_, n) => ({
    ...{ _id: `${worker}/${n}~0`, worker, item: `${worker}/${n}`, attempts: 1 },
    ...{ settledAt: new Date(1e12 - n), result: JSON.stringify({ value: n }) },
    outcome: { kind: 'done', reason: null, at: new Date(0) } as const,
  }));
  await own.collection<Partial<TaskClaim> & { _id: string }>(OWN.taskClaims).insertMany(claims);
  const added: number[] = [];
  const pieces: number[] = [];
  const file = {
    add: (text: string): void => void added.push(Number(text)),
    append: () => Promise.resolve(void pieces.push(added.length)),
    ...{ show: () => Promise.resolve(), showIfDue: () => Promise.resolve() },
    ...{ count: () => added.length, close: () => Promise.resolve() },
  };
  const ends = createEnds(count, file, file);
  ends.done(7, 1, { value: 7 });
  await readEnds(own, run, ends);
  const others = Array.from({ length: count }, (_, n) => count - 1 - n).filter((n) => n !== 7);
  assert.deepEqual(added, [7, ...others]);
  assert.ok(new Set(pieces).size >= 3, `written after ${pieces.join()}`);
});
