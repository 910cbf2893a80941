import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { MongoBulkWriteError } from 'mongodb';
import { connectMongo, partialFailure } from '../../src/mongo.ts';
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
