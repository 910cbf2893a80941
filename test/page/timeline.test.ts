/** What became of one item, from claims as they are written. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { binary } from '../../src/claims/claims.ts';
import { claimKey } from '../../src/domain/names.ts';
import { reachOf } from '../../src/operations/reach.ts';
import { itemsBy } from '../../src/page/timeline.ts';
import { openTaskClaims, type TaskClaim } from '../../src/tasks/claims.ts';
import { testConfig } from '../helpers/configuration.ts';
import { address, testDatabase, uniqueName } from '../helpers/servers.ts';

const WORKER = 'invoices';

function fileClaim(id: string, generation: number, minute: number): TaskClaim {
  const item = `${WORKER}/${id}`;
  const at = new Date(Date.UTC(2026, 0, 1, 3, minute));
  return {
    _id: claimKey(item, generation),
    ...{ worker: WORKER, item, generation, conflict: false, token: 't', index: 0, key: null },
    ...{ workflowId: `tasks/${generation}`, bodyHash: 'a', receivedAt: at, claimedAt: at },
    origin: { broker: 'folder', folder: WORKER, host: 'here' },
    message: { body: binary(''), properties: '' },
    ...{ attempts: 0, startedAt: null, finishedAt: null, error: null },
    ...{ outcome: null, settledAt: null },
  };
}

test('a file that was gone and lies there again has come again, and was not redriven', async (t) => {
  const store = await testDatabase(t);
  const claims = openTaskClaims(store.own);
  const id = uniqueName();
  for (const [generation, as] of (['gone', 'sent'] as const).entries()) {
    const claim = fileClaim(id, generation, generation * 10);
    await claims.insert([claim]);
    const at = new Date(claim.claimedAt.getTime() + 1_000);
    const done = { result: JSON.stringify({ as }), outgoing: [] };
    const recorded = { claim: claim._id, attempts: 1, startedAt: at, finishedAt: at, error: null };
    await claims.record([{ ...recorded, done }], claim.workflowId);
  }
  await claims.giveWay([claimKey(`${WORKER}/${id}`, 0)]);

  const mongodbUri = address('MONGODB_URI');
  const config = testConfig({ mongodbUri, mongodb: { database: store.db.databaseName } });
  const items = await itemsBy(id, { config, reach: reachOf(config), store, workers: [WORKER] });
  assert.deepEqual(
    items[0]?.events.map(({ generation, kind, as }) => [generation, kind, as]),
    [
      [0, 'received', null],
      [0, 'claimed', null],
      [0, 'outcome', 'gone'],
      [0, 'settled', null],
      [1, 'came-again', null],
      [1, 'claimed', null],
      [1, 'outcome', 'sent'],
      [1, 'settled', null],
    ],
  );
  assert.equal(items[0].state, 'ended');
});
