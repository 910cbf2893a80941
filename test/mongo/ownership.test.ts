import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Db } from 'mongodb';
import { z } from 'zod';
import { OWN } from '../../src/mongo/collections.ts';
import { connectMongo } from '../../src/mongo/client.ts';
import type { Opener } from '../../src/mongo/own-database.ts';
import { NotOurs, takeOwnership } from '../../src/mongo/ownership.ts';
import type { OwnershipDocument } from '../../src/mongo/ownership.ts';
import { openStore } from '../../src/registrations/store.ts';
import { testConfig } from '../helpers/configuration.ts';
import { atEnd, address, uniqueName } from '../helpers/servers.ts';
import type { Ending } from '../helpers/servers.ts';

const NAMES = Object.values(OWN);
const LONG_AGO = new Date(Date.now() - 91 * 24 * 3_600_000);

/** An empty database, and what opens our store there. */
async function emptyDatabase(t: Ending) {
  const config = testConfig({
    mongodbUri: address('MONGODB_URI'),
    mongodb: { database: uniqueName() },
  });
  const connect = async (): Promise<Db> => {
    const mongo = await connectMongo(config);
    atEnd(t, () => mongo.close());
    return mongo.db;
  };
  const db = await connect();
  atEnd(t, async () => void (await db.dropDatabase()));
  const open = async (as: Opener): Promise<void> => (await openStore(config, as)).close();
  return { db, connect, open };
}

const refusalOf = async (opening: Promise<unknown>): Promise<NotOurs> => {
  const error = await opening.then(
    () => assert.fail('it was opened'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof NotOurs, String(error));
  return error;
};

const namesIn = async (db: Db): Promise<string[]> =>
  (await db.listCollections().toArray()).map(({ name }) => name).sort();

const markedIn = async (db: Db): Promise<unknown> =>
  (await db.collection<OwnershipDocument>(OWN.control).findOne({ _id: 'ownership' }))?.collections;

const theirs = { _id: 'policy-1', settledAt: LONG_AGO, keptFrom: LONG_AGO, state: 'accepted' };

for (const name of NAMES) {
  for (const as of ['worker', 'writer', 'reader'] as const) {
    test(`a ${as} refuses to start beside a collection ${name} of somebody else's, and touches nothing`, async (t) => {
      const { db, open } = await emptyDatabase(t);
      const collection = db.collection<typeof theirs>(name);
      await collection.insertOne({ ...theirs });
      const { found, remedy } = await refusalOf(open(as));
      assert.match(
        found,
        new RegExp(`not marked as ours: ${name}\\. Nothing in them was touched$`),
      );
      assert.match(remedy, /mongodb\.ownDatabase/);
      assert.deepEqual(await collection.find().toArray(), [theirs]);
      assert.deepEqual(
        (await collection.indexes()).map((index) => index.name),
        ['_id_'],
      );
      assert.deepEqual(await namesIn(db), [name], 'nothing was made beside it');
    });
  }
}

test('a marker that somebody else has written is none', async (t) => {
  const { db, open } = await emptyDatabase(t);
  const control = db.collection<{ _id: string; product: string; collections: string[] }>(
    OWN.control,
  );
  await control.insertOne({ _id: 'ownership', product: 'another', collections: [...NAMES] });
  const { found } = await refusalOf(open('worker'));
  assert.match(found, new RegExp(OWN.control));
  assert.equal(await control.countDocuments({ product: 'another' }), 1);
});

test('a marker whose list is no list counts for nothing, and the remedy mends it', async (t) => {
  const { db, open } = await emptyDatabase(t);
  await open('worker');
  const control = db.collection<{ _id: string }>(OWN.control);
  await control.updateOne({ _id: 'ownership' }, { $set: { collections: 'all' } });
  await follow(db, await refusalOf(open('worker')));
  await open('worker');
});

test('an empty database is marked as ours before anything else is made, and opens again', async (t) => {
  const { db, open } = await emptyDatabase(t);
  await open('worker');
  assert.deepEqual(await markedIn(db), [...NAMES]);
  for (const name of [OWN.claims, OWN.journal])
    await db.collection<{ _id: string }>(name).insertOne({ _id: 'a~0' });
  await open('worker');
  await open('reader');
});

test('a reader makes nothing in an empty database, and a writer nothing but the marker', async (t) => {
  const { db, open } = await emptyDatabase(t);
  await open('reader');
  assert.deepEqual(await namesIn(db), []);
  await open('writer');
  assert.deepEqual(await namesIn(db), [OWN.control]);
});

test('a collection that is there and empty becomes ours', async (t) => {
  const { db, open } = await emptyDatabase(t);
  await db.createCollection(OWN.claims);
  await open('worker');
  assert.deepEqual(await markedIn(db), [...NAMES]);
});

test('many that start at once in an empty database all do', async (t) => {
  const { db, open } = await emptyDatabase(t);
  await Promise.all(Array.from({ length: 12 }, () => open('worker')));
  assert.deepEqual(await markedIn(db), [...NAMES]);
});

test('a process that finds what another one has marked and filled meanwhile goes on', async (t) => {
  const { db, connect } = await emptyDatabase(t);
  const slow = await connect();
  // It has read that there is no marker, and before it looks at the documents the other one is there.
  const list = t.mock.method(slow, 'listCollections', () => ({
    toArray: async () => {
      await takeOwnership(db);
      await db.collection<{ _id: string }>(OWN.claims).insertOne({ _id: 'a~0' });
      return db.listCollections().toArray();
    },
  }));
  await takeOwnership(slow);
  assert.equal(list.mock.callCount(), 1);
});

const statement = z.tuple([
  z.strictObject({ _id: z.string() }),
  z.strictObject({ $set: z.record(z.string(), z.unknown()) }),
  z.strictObject({ upsert: z.literal(true) }),
]);

/** Does what the line for mongosh in a remedy says. */
async function follow(db: Db, { remedy }: NotOurs): Promise<void> {
  const line = /db\.getSiblingDB\("([^"]+)"\)\.getCollection\("([^"]+)"\)\.updateOne\((.*)\)$/.exec(
    remedy,
  );
  assert.ok(line, remedy);
  const [, database, collection = '', args = ''] = line;
  assert.equal(database, db.databaseName);
  const json = args.replace(/([{ ])(\$?\w+):/g, '$1"$2":');
  const [filter, update, options] = statement.parse(JSON.parse(`[${json}]`));
  await db.collection<{ _id: string }>(collection).updateOne(filter, update, options);
}

test('ours restored without its marker is refused, and the line in the remedy marks it', async (t) => {
  const { db, open } = await emptyDatabase(t);
  await open('worker');
  await db.collection<{ _id: string }>(OWN.claims).insertOne({ _id: 'a~0' });
  await db.collection(OWN.control).drop();
  await follow(db, await refusalOf(open('worker')));
  await open('worker');
  assert.equal(await db.collection(OWN.claims).countDocuments(), 1);
});

const unfit: [string, (db: Db) => Promise<unknown>, RegExp][] = [
  [
    'a view',
    (db) => db.createCollection(OWN.claims, { viewOn: 'policies', pipeline: [] }),
    /a view, which cannot be written/,
  ],
  [
    'a time series',
    (db) => db.createCollection(OWN.claims, { timeseries: { timeField: 'at' } }),
    /a time series/,
  ],
  [
    'capped',
    (db) => db.createCollection(OWN.claims, { capped: true, size: 4_096 }),
    /capped, and would drop the oldest documents/,
  ],
  [
    'one with a collation',
    (db) => db.createCollection(OWN.claims, { collation: { locale: 'en', strength: 2 } }),
    /would take two registration ids for one/,
  ],
];

for (const [what, make, reason] of unfit) {
  test(`a collection of our names that is ${what} is refused, empty or not`, async (t) => {
    const { db, open } = await emptyDatabase(t);
    await make(db);
    for (const as of ['worker', 'reader'] as const)
      assert.match((await refusalOf(open(as))).found, reason);
  });
}

for (const [name, key] of [
  [OWN.claims, 'claimedAt'],
  [OWN.journal, 'at'],
  [OWN.setAside, 'at'],
  [OWN.malformed, 'outcome.at'],
  [OWN.control, 'at'],
] as const) {
  test(`an index of somebody's by which documents of ${name} would expire is refused, with the line that drops it`, async (t) => {
    const { db, open } = await emptyDatabase(t);
    await open('worker');
    await db.collection(name).createIndex({ [key]: 1 }, { expireAfterSeconds: 60 });
    const { remedy } = await refusalOf(open('worker'));
    assert.ok(remedy.endsWith(`.getCollection("${name}").dropIndex("${key}_1")`), remedy);
    await db.collection(name).dropIndex(`${key}_1`);
    await open('worker');
  });
}

test('our index on the journal, made anew so that what is undecided expires, too, is refused', async (t) => {
  const { db, open } = await emptyDatabase(t);
  await open('worker');
  await db.collection(OWN.journal).dropIndex('keptFrom_1');
  await db.collection(OWN.journal).createIndex({ keptFrom: 1 }, { expireAfterSeconds: 60 });
  await refusalOf(open('worker'));
});
