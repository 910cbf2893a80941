/** Runs over lists, as everybody sees them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openEtlRuns, type EtlRun } from '../../src/etl/run/records.ts';
import { OWN } from '../../src/mongo/collections.ts';
import { serverTime } from '../../src/mongo/server-time.ts';
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
