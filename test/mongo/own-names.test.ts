/** Where our own collections are, and under which names. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MongoServerError, type Db, type Document } from 'mongodb';
import { OWN, ownName } from '../../src/mongo/collections.ts';
import { ensureIndex, expireAfter } from '../../src/mongo/indexes.ts';
import { explainRefusal } from '../../src/mongo/refusals.ts';
import { openStore } from '../../src/registrations/store.ts';
import { testConfig } from '../helpers/configuration.ts';
import { address, atEnd, testDatabase, uniqueName } from '../helpers/servers.ts';
import type { Ending } from '../helpers/servers.ts';
import { storedClaim } from '../helpers/stored.ts';

async function storeWith(
  t: Ending,
  mongodb: { database: string; ownDatabase?: string; ownPrefix?: string },
) {
  const config = testConfig({ mongodbUri: address('MONGODB_URI'), mongodb });
  const store = await openStore(config, 'worker');
  atEnd(t, async () => {
    await store.db.dropDatabase();
    await store.theirs.dropDatabase();
    await store.close();
  });
  return store;
}

const namesIn = async (db: Db) =>
  (await db.listCollections({}, { nameOnly: true }).toArray()).map(({ name }) => name).sort();

const result = { id: 'a', requestId: 'REQ-a', registeredAt: new Date(0) };

test('with a database of our own, that of others gets the status and nothing else', async (t) => {
  const [database, ownDatabase] = [uniqueName(), uniqueName()];
  const store = await storeWith(t, { database, ownDatabase });
  await store.claims.insert([storedClaim('a')]);
  await store.results.write([result]);
  assert.deepEqual(await namesIn(store.theirs), ['registrations']);
  const own = await namesIn(store.db);
  assert.ok(own.includes(OWN.claims) && own.includes(OWN.control));
  assert.ok(!own.includes('registrations'));
  assert.equal(store.db.databaseName, ownDatabase);
});

test('two of other prefixes share a database, and know nothing of each other', async (t) => {
  const database = uniqueName();
  const [one, other] = [
    await storeWith(t, { database, ownPrefix: 'north_' }),
    await storeWith(t, { database, ownPrefix: 'south-2_' }),
  ];
  await one.claims.insert([storedClaim('a')]);
  await one.control.read();
  assert.equal((await other.claims.find(['a~0'])).size, 0);
  await other.claims.insert([storedClaim('a')]);
  const names = await namesIn(one.db);
  assert.ok(
    names.every((name) => /^(north_|south-2_)/.test(name)),
    names.join(),
  );
  for (const prefix of ['north_', 'south-2_']) {
    const control = one.db.collection<{ _id: string; collections: string[] }>(
      ownName(OWN.control, prefix),
    );
    const marker = await control.findOne({ _id: 'ownership' });
    assert.deepEqual(
      marker?.collections.sort(),
      Object.values(OWN)
        .map((name) => ownName(name, prefix))
        .sort(),
    );
  }
});

test('a collection of somebody else under our prefix refuses the start, and stays as it is', async (t) => {
  const { db } = await testDatabase(t);
  const theirs = db.collection('policy_registrations_claims');
  await theirs.insertOne({ policy: 1 });
  await assert.rejects(
    storeWith(t, { database: db.databaseName, ownPrefix: 'policy_' }),
    (error) => {
      assert.ok(error instanceof Error);
      assert.match(error.message, /not marked as ours: policy_registrations_claims/);
      assert.match(error.message, /mongodb\.ownDatabase.*mongodb\.ownPrefix.*policy_control/);
      return true;
    },
  );
  assert.deepEqual(
    (await theirs.indexes()).map(({ name }) => name),
    ['_id_'],
  );
});

test('who may not make an index works with the one that is there, and is told the line for one that is not', async (t) => {
  const { db } = await testDatabase(t);
  const collection = db.collection(uniqueName());
  // The store of the tests knows no users: the refusal is as MongoDB words it.
  const refused = Object.assign(Object.create(collection) as typeof collection, {
    createIndex: () =>
      Promise.reject(
        new MongoServerError({ code: 13, errmsg: 'not authorized on x to execute command' }),
      ),
  });
  const options = { partialFilterExpression: { state: 'open' } };
  await collection.createIndex({ at: 1 }, options);
  await ensureIndex(refused, { at: 1 }, options);
  for (const [key, others] of [
    [{ at: 1 }, {}],
    [{ at: 1 }, { expireAfterSeconds: 60 }],
    [{ by: 1 }, options],
  ] as const)
    await assert.rejects(
      ensureIndex(refused, key, others),
      /may not make indexes.*getCollection\("[^"]+"\)\.createIndex\(\{/,
    );
});

test('an index that is there with other options is told with the line that drops it', async (t) => {
  const { db } = await testDatabase(t);
  const collection = db.collection(uniqueName());
  await collection.createIndex({ at: 1 });
  await assert.rejects(
    ensureIndex(collection, { at: 1 }, { partialFilterExpression: { state: 'open' } }),
    /is there with other options.*getCollection\("[^"]+"\)\.dropIndex\(\{"at":1\}\)/,
  );
});

test('who may not make an index has the one that is there for another time changed, or is told of the retention', async (t) => {
  const { db } = await testDatabase(t);
  const collection = db.collection(uniqueName());
  const refusal = (command: string) =>
    new MongoServerError({
      code: 13,
      errmsg: `not authorized on x to execute command { ${command}:`,
    });
  let mayChange = true;
  const changed: Document[] = [];
  const refused = Object.assign(Object.create(collection) as typeof collection, {
    createIndex: () => Promise.reject(refusal('createIndexes')),
  });
  Object.defineProperty(refused, 'db', {
    value: {
      command(asked: Document) {
        changed.push(asked);
        return mayChange ? Promise.resolve({ ok: 1 }) : Promise.reject(refusal('collMod'));
      },
    },
  });
  await collection.createIndex({ settledAt: 1 }, { expireAfterSeconds: 60 });
  const wanted = () => expireAfter(refused, { field: 'settledAt' }, 90_000);
  await wanted();
  const index = { keyPattern: { settledAt: 1 }, expireAfterSeconds: 90 };
  assert.deepEqual(changed, [{ collMod: collection.collectionName, index }]);
  mayChange = false;
  const error: unknown = await wanted().catch((thrown: unknown) => thrown);
  const told = explainRefusal({ mongodbUri: 'mongodb://store/office' }, 'office', error);
  assert.match(String(told), /may not collMod .*mongodb\.retention.* was changed.*set that back/);
});
