/** What stands in the user's database beside us, or is kept there in another way than we expect. */
import assert from 'node:assert/strict';
import type { Document } from 'mongodb';
import { OWN } from '../../src/mongo/collections.ts';
import { connectMongo } from '../../src/mongo/client.ts';
import { flowOf } from '../helpers/flow.ts';
import { atEnd, uniqueName } from '../helpers/servers.ts';
import { startSystem } from '../helpers/system.ts';
import type { System } from '../helpers/system.ts';
import { conclude } from './conclude.ts';
import type { Scenario, Trial, World } from './scenario.ts';

export const database: Scenario[] = [
  {
    name: 'database/foreign-collections',
    fault:
      "The database has collections of our names that are somebody else's, with documents that our retention would remove: nothing starts there, and nothing of theirs is touched",
    isQuick: true,
    run: foreignCollections,
  },
  {
    name: 'database/lists-of-ids',
    fault:
      "The collection holds lists of ids, of which one is the registration's: each document gets its own request id",
    isQuick: true,
    run: listsOfIds,
  },
];

async function foreignCollections(world: World): Promise<Trial> {
  const system = await startSystem(world, { roles: [] });
  const names = world.isQuick ? [OWN.claims, OWN.control] : Object.values(OWN);
  for (const name of names) await refusedBeside(world, system, name);
  await system.start('intake');
  await system.start('worker');
  const flow = flowOf(system);
  await flow.publishMany('foreign', 20);
  await flow.allRegistered('foreign-', 20);
  const trial = await conclude(flow, { maxInDoubt: 0, faultEndedAt: null });
  return { ...trial, times: names.length };
}

/** Old enough for every index by which documents of ours expire. */
const LONG_AGO = new Date('2020-01-01');
const THEIRS = { _id: 'policy-1', settledAt: LONG_AGO, keptFrom: LONG_AGO, state: 'accepted' };

async function refusedBeside(world: World, system: System, name: string): Promise<void> {
  const { config } = system;
  const named = uniqueName();
  const { db, close } = await connectMongo({
    ...config,
    mongodb: { ...config.mongodb, database: named },
  });
  atEnd(world, async () => {
    await db.dropDatabase();
    await close();
  });
  const theirs = db.collection<typeof THEIRS>(name);
  await theirs.insertOne({ ...THEIRS });
  for (const role of ['worker', 'intake'] as const) {
    const starting = system.start(role, { DESPACHANTE_MONGODB_DATABASE: named });
    // An intake does not wait for MongoDB: it may be up already when it reads what is there.
    const code = await starting.then(
      ({ exited }) => exited,
      (error: unknown) => Number(/ended \((\d+)\) before it was up/.exec(String(error))?.[1]),
    );
    assert.equal(code, 1, `a ${role} beside ${name}`);
    const told = `not marked as ours: ${name}. Nothing in them was touched`;
    assert.ok(system.log(role).includes(told), system.log(role));
  }
  assert.deepEqual(await theirs.find().toArray(), [THEIRS]);
  assert.equal((await theirs.indexes()).length, 1);
  const all = await db.listCollections().toArray();
  assert.deepEqual(
    all.map((each) => each.name),
    [name],
  );
}

async function listsOfIds(world: World): Promise<Trial> {
  const system = await startSystem(world, {
    env: {
      DESPACHANTE_MONGODB_MATCH: 'externalIds',
      DESPACHANTE_MONGODB_UPSERT: 'false',
      DESPACHANTE_TEST_CONSTANTS: 'intake.batchWait=300',
    },
  });
  const flow = flowOf(system);
  const ids = Array.from({ length: world.isQuick ? 20 : 100 }, (_, n) => `listed-${n}`);
  const theirs = system.store.db.collection<Document & { _id: string }>(
    system.config.mongodb.collection,
  );
  await theirs.insertMany(
    ids.map((id) => ({ _id: `of ${id}`, externalIds: [`old ${id}`, id, `older ${id}`] })),
  );
  await flow.publishMany('listed', ids.length);
  await flow.allRegistered('listed-', ids.length);
  for await (const { _id, requestId } of theirs.find()) {
    assert.deepEqual([requestId], flow.requestIdsOf(_id.slice('of '.length)), _id);
  }
  assert.equal(await theirs.countDocuments({ status: 'registered' }), ids.length);
  const trial = await conclude(flow, { maxInDoubt: 0, faultEndedAt: null });
  return { ...trial, times: ids.length };
}
