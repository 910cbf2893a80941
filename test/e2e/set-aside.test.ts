/** What can never be written waits for a person, and goes on once its cause is mended. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../helpers/eventually.ts';
import { flowOf } from '../helpers/flow.ts';
import { startSystem } from '../helpers/system.ts';

test('a result that was set aside is told by status with a remedy, and that remedy brings it to its document, filed once', async (t) => {
  const system = await startSystem(t, {
    env: {
      DESPACHANTE_MONGODB_MATCH: 'ids',
      DESPACHANTE_MONGODB_UPSERT: 'false',
      DESPACHANTE_TEST_CONSTANTS: 'sweeper.olderThan=0',
    },
  });
  const flow = flowOf(system);
  const { store, config } = system;
  const theirs = store.db.collection<{ _id: string; ids: string[]; status?: string }>(
    config.mongodb.collection,
  );
  await theirs.insertMany([
    { _id: 'one', ids: ['ana-1', 'old-1'] },
    { _id: 'other', ids: ['ana-1', 'old-2'] },
  ]);
  await flow.publish({ id: 'ana-1' });
  await eventually('it is set aside', async () => {
    assert.equal((await store.setAside.reasons(['ana-1~0'])).size, 1);
  });
  const { stdout } = await flow.cli('status', 'ana-1');
  assert.match(stdout, /several documents hold its id/);
  assert.match(stdout, /remove its document from despachante_registrations_set_aside, and run/);

  await theirs.deleteOne({ _id: 'other' });
  await store.setAside.collection.deleteOne({ _id: 'ana-1~0' });
  await eventually('a sweep has taken it up', async () => {
    await flow.json('sweep');
    const { settledAt } = await flow.claimed('ana-1');
    assert.ok(settledAt);
  });
  assert.equal(await flow.outcomeOf('ana-1'), 'registered');
  const document = await theirs.findOne({ _id: 'one' });
  assert.equal(document?.status, 'registered');
  assert.equal(flow.postsOf('ana-1').length, 1);
});
