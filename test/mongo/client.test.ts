import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { MongoBulkWriteError } from 'mongodb';
import type { IndexDescriptionInfo } from 'mongodb';
import { connectMongo, partialFailure } from '../../src/mongo/client.ts';
import { expireAfter } from '../../src/mongo/indexes.ts';
import { openResults } from '../../src/registrations/results.ts';
import { openStore } from '../../src/registrations/store.ts';
import { testConfig } from '../helpers/configuration.ts';
import { atEnd, address, testDatabase, uniqueName } from '../helpers/servers.ts';

const store = await testDatabase({ after });

const failureOf = async (work: Promise<unknown>): Promise<unknown> => {
  try {
    await work;
  } catch (error) {
    return error;
  }
  return assert.fail('it did not fail');
};

test('of a write that failed in part, the duplicates and the impossible are told by index', async () => {
  const name = uniqueName();
  await store.db.command({ create: name, validator: { bad: { $ne: true } } });
  const collection = store.db.collection<{ _id: string; bad?: boolean }>(name);
  await collection.insertOne({ _id: 'there' });
  const error = await failureOf(
    collection.insertMany([{ _id: 'a' }, { _id: 'there' }, { _id: 'b', bad: true }, { _id: 'c' }], {
      ordered: false,
    }),
  );
  const { duplicates, permanent, transient } = partialFailure(error);
  assert.deepEqual([...duplicates], [1]);
  assert.deepEqual([...permanent.keys()], [2]);
  assert.match(permanent.get(2) ?? '', /^MongoDB 121: /);
  assert.deepEqual([...transient], []);
  assert.equal(await collection.countDocuments(), 3, 'the others are written');
});

test('one failed write alone is told the same way', async () => {
  const collection = store.db.collection<{ _id: string }>(uniqueName());
  await collection.insertOne({ _id: 'there' });
  const error = await failureOf(collection.insertMany([{ _id: 'there' }], { ordered: false }));
  assert.ok(error instanceof MongoBulkWriteError);
  assert.deepEqual([...partialFailure(error).duplicates], [0]);
});

test('any other error is thrown on', () => {
  const error = new Error('no primary');
  assert.throws(() => partialFailure(error), error);
});

test('writes ask for a majority and its journal', () => {
  const { w, journal } = store.db.writeConcern ?? {};
  assert.deepEqual([w, journal], ['majority', true]);
});

test('a server that is not there is told by its address, without the password', async () => {
  const mongodbUri =
    'mongodb://ana:s3cret@127.0.0.1:9/despachante?serverSelectionTimeoutMS=200&directConnection=true';
  const error = await failureOf(connectMongo(testConfig({ mongodbUri })));
  assert.ok(error instanceof Error);
  assert.match(error.message, /Cannot connect to MongoDB at .*127\.0\.0\.1:9/);
  assert.ok(!error.message.includes('s3cret'), error.message);
});

test('the database is the one that the address names, and "despachante" where it names none', async (t) => {
  const url = new URL(address('MONGODB_URI'));
  url.pathname = '/';
  const bare = await connectMongo(testConfig({ mongodbUri: url.toString() }));
  atEnd(t, () => bare.close());
  assert.equal(bare.db.databaseName, 'despachante');
});

test('another retention is taken up by the index that is there', async () => {
  const collection = store.db.collection(uniqueName());
  const secondsOf = async (): Promise<unknown> =>
    (await collection.indexes()).find(({ name }) => name === 'at_1')?.expireAfterSeconds;
  for (const ms of [90_000, 60_000, 60_000]) {
    await expireAfter(collection, { field: 'at', only: { state: 'decided' } }, ms);
    assert.equal(await secondsOf(), ms / 1_000);
  }
});

test('a command with another retention leaves the index as it is', async () => {
  const { databaseName } = store.db;
  const retention = testConfig().mongodb.retention / 2;
  const config = testConfig({
    mongodbUri: address('MONGODB_URI'),
    mongodb: { database: databaseName, retention },
  });
  for (const as of ['reader', 'writer'] as const) await (await openStore(config, as)).close();
  assert.equal(await secondsOf(store.claims.collection, 'settledAt_1'), (2 * retention) / 1_000);
});

test('several who take another retention up at once all do', async () => {
  const collection = store.db.collection(uniqueName());
  await expireAfter(collection, { field: 'at' }, 90_000);
  const all = Array.from({ length: 8 }, () => expireAfter(collection, { field: 'at' }, 60_000));
  await Promise.all(all);
  assert.equal((await collection.indexes()).length, 2);
});

const secondsOf = async (of: { indexes(): Promise<IndexDescriptionInfo[]> }, name: string) =>
  (await of.indexes()).find((index) => index.name === name)?.expireAfterSeconds ?? 0;

test('a journal entry is kept for longer than any claim that may go on with it', async () => {
  const { mongodb, legacy } = testConfig();
  const entries = await secondsOf(store.journal.collection, 'keptFrom_1');
  const claims = await secondsOf(store.claims.collection, 'settledAt_1');
  assert.equal(claims * 1_000, mongodb.retention);
  assert.ok(entries * 1_000 > mongodb.retention + Math.max(legacy.maxOpen, legacy.deadline));
});

for (const isThere of [false, true]) {
  test(`two writes of one status by a field that is not unique make one document, where there is ${isThere ? 'one' : 'none'}`, async () => {
    const collection = uniqueName();
    const results = openResults(store.db, { ...testConfig().mongodb, collection, match: 'code' });
    const id = uniqueName();
    if (isThere) await store.db.collection(collection).insertOne({ code: id });
    const result = { id, requestId: 'AB583C-X', registeredAt: new Date() };
    const others = Array.from({ length: 20 }, () => results.write([result]));
    // An attempt that meets another one is told to come again.
    for (const fate of (await Promise.all(others)).flat())
      assert.ok(fate === 'written' || fate === 'later', JSON.stringify(fate));
    assert.deepEqual(await results.write([result]), ['written']);
    assert.equal(await store.db.collection(collection).countDocuments(), 1);
    const found = await results.find(id);
    assert.equal(found?.['requestId'], 'AB583C-X');
  });
}
