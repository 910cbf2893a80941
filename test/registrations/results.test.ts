import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Collection, type Document } from 'mongodb';
import { DEFAULTS } from '../../src/config/schema.ts';
import type { Config } from '../../src/config/schema.ts';
import { placesOf } from '../../src/registrations/own-documents.ts';
import type { Result, Stored } from '../../src/registrations/own-documents.ts';
import { openResults } from '../../src/registrations/results.ts';
import type { Results } from '../../src/registrations/results.ts';
import { testDatabase, uniqueName } from '../helpers/servers.ts';

const { db } = await testDatabase({ after });

const registeredAt = new Date(1_700_000_000_000);
const resultOf = (id: string): Result => ({ id, requestId: `REQ-${id}`, registeredAt });

/** A collection of others with these documents, and what writes to it. */
async function filled(documents: Stored[], settings: Partial<Config['mongodb']> = {}) {
  const collection = db.collection<Stored>(uniqueName());
  if (documents.length > 0) await collection.insertMany(documents);
  const results = openResults(db, {
    ...DEFAULTS.mongodb,
    match: 'externalIds',
    upsert: false,
    ...settings,
    collection: collection.collectionName,
  });
  return { collection, results, write: (...ids: string[]) => writeOf(results, ids) };
}

const writeOf = (results: Results, ids: string[]) => results.write(ids.map(resultOf));

const requestIds = async (collection: { find(): { toArray(): Promise<Document[]> } }) =>
  Object.fromEntries(
    (await collection.find().toArray()).map((document): [string, unknown] => [
      String(document['_id']),
      document['requestId'],
    ]),
  );

const TAKEN = {
  permanent:
    'its document holds the ids of several registrations, and has the request id of another one',
};

test('where documents hold lists of ids, each gets what is its own', async () => {
  const { collection, write } = await filled([
    { _id: '1', externalIds: ['d1', 'old-1'] },
    { _id: '2', externalIds: ['old-2', 'd2'] },
    { _id: '3', externalIds: ['d3'] },
    { _id: '4', externalIds: 'd4' },
    { _id: '5', externalIds: ['d5', 'old-5'], status: 'waiting' },
  ]);
  assert.deepEqual(await write('d1', 'd2', 'd4', 'd3'), Array(4).fill('written'));
  assert.deepEqual(await requestIds(collection), {
    1: 'REQ-d1',
    2: 'REQ-d2',
    3: 'REQ-d3',
    4: 'REQ-d4',
    5: undefined,
  });
  assert.deepEqual(await collection.findOne({ _id: '1' }), {
    _id: '1',
    externalIds: ['d1', 'old-1'],
    status: 'registered',
    requestId: 'REQ-d1',
    registeredAt,
  });
});

test('with upsert on, what is in no list gets a document of its own', async () => {
  const { collection, write } = await filled([{ _id: '1', externalIds: ['d1', 'old-1'] }], {
    upsert: true,
  });
  assert.deepEqual(await write('d2', 'd1'), ['written', 'written']);
  assert.deepEqual(await requestIds(collection), { 1: 'REQ-d1', d2: 'REQ-d2' });
});

for (const runs of [[['d1', 'd2']], [['d1'], ['d2']], [['d1'], ['d2', 'd1']]]) {
  test(`a document with the ids of two registrations belongs to the first, in the runs ${JSON.stringify(runs)}`, async () => {
    const { collection, write } = await filled([{ _id: '1', externalIds: ['d1', 'd2'] }]);
    const fates = new Map<string, unknown>();
    for (const ids of runs) {
      const written = await write(...ids);
      for (const [at, id] of ids.entries()) fates.set(id, written[at]);
    }
    assert.deepEqual(Object.fromEntries(fates), { d1: 'written', d2: TAKEN });
    assert.deepEqual(await requestIds(collection), { 1: 'REQ-d1' });
  });
}

test('written again, a list of ids has the same', async () => {
  const { collection, write } = await filled([{ _id: '1', externalIds: ['d1', 'old-1'] }]);
  assert.deepEqual(await write('d1'), ['written']);
  assert.deepEqual(await write('d1'), ['written']);
  assert.deepEqual(await requestIds(collection), { 1: 'REQ-d1' });
});

test('of several documents in which the id is the whole value each gets the status, and a neighbour what is its own', async () => {
  const { collection, write } = await filled([
    { _id: '1', externalIds: 'd1' },
    { _id: '2', externalIds: 'd1' },
    { _id: '3', externalIds: 'd2' },
  ]);
  assert.deepEqual(await write('d2', 'd1'), ['written', 'written']);
  assert.deepEqual(await requestIds(collection), { 1: 'REQ-d1', 2: 'REQ-d1', 3: 'REQ-d2' });
});

for (const ids of [
  ['h1', 'h2'],
  ['h2', 'h1'],
]) {
  test(`a document of its own goes before a list with the id, in the order ${ids.join()}`, async () => {
    const { collection, write } = await filled([
      { _id: '1', externalIds: ['h1', 'h2'] },
      { _id: '2', externalIds: 'h2' },
    ]);
    assert.deepEqual(await write(...ids), ['written', 'written']);
    assert.deepEqual(await requestIds(collection), { 1: 'REQ-h1', 2: 'REQ-h2' });
  });
}

test('an id in the lists of several documents is set aside, and none of them is written for it', async () => {
  const { collection, write } = await filled(
    [
      { _id: '1', externalIds: ['d1', 'old'] },
      { _id: '2', externalIds: ['d1', 'd2'] },
    ],
    { upsert: true },
  );
  assert.deepEqual(await write('d1', 'd2'), [
    {
      permanent:
        'several documents hold its id in a list, and in none it is the whole value: which is its own cannot be told',
    },
    'written',
  ]);
  assert.deepEqual(await requestIds(collection), { 1: undefined, 2: 'REQ-d2' });
});

test('a list with one id is that of its registration, under whatever request id it was registered', async () => {
  const { collection, results } = await filled([
    { _id: '1', externalIds: ['d1'], status: 'registered', requestId: 'REQ-before' },
  ]);
  assert.deepEqual(await writeOf(results, ['d1']), ['written']);
  assert.deepEqual(await requestIds(collection), { 1: 'REQ-d1' });
});

test('what only looks like an id is not touched', async () => {
  const odd = [7, null, { d: '7' }, [['7']], [7], true].map((externalIds, n) => ({
    _id: String(n),
    externalIds,
  }));
  const { collection, write } = await filled([...odd, { _id: 'none' }]);
  assert.deepEqual(await write('7', 'true', 'null'), Array(3).fill('missing'));
  assert.deepEqual(await collection.find().toArray(), [...odd, { _id: 'none' }]);
});

test('where one of them is refused, lists of ids are written one by one, each its own', async () => {
  const { collection, write } = await filled(
    [
      { _id: '1', externalIds: ['d1', 'old-1'] },
      { _id: '2', externalIds: ['d2', 'd2b'] },
      { _id: '3', externalIds: 'd3' },
    ],
    { upsert: true },
  );
  await db.command({
    collMod: collection.collectionName,
    validator: { requestId: { $nin: ['REQ-d1', 'REQ-bad'] } },
    validationAction: 'error',
  });
  const fates = await write('d1', 'd2', 'd2b', 'd3', 'bad', 'new');
  assert.deepEqual(
    fates.map((fate) => (typeof fate === 'object' ? fate.permanent.slice(0, 11) : fate)),
    ['MongoDB 121', 'written', TAKEN.permanent.slice(0, 11), 'written', 'MongoDB 121', 'written'],
  );
  assert.deepEqual(await requestIds(collection), {
    1: undefined,
    2: 'REQ-d2',
    3: 'REQ-d3',
    new: 'REQ-new',
  });
});

for (const change of [
  { $set: { externalIds: 'd9' }, $unset: { requestId: 1 } },
  'delete',
] as const) {
  test(`a document that somebody has ${change === 'delete' ? 'deleted' : 'given another id'} meanwhile is not taken to be written, one by one neither`, async (t) => {
    const { collection, results } = await filled([
      { _id: '1', externalIds: 'd1' },
      { _id: '2', externalIds: 'd2' },
      { _id: '3', externalIds: 'd3' },
    ]);
    await db.command({
      collMod: collection.collectionName,
      validator: { requestId: { $ne: 'REQ-d3' } },
    });
    // The second is changed right before the writes one by one, which the refusal of the third brings about.
    const meanwhile: typeof collection.bulkWrite = async (...given) => {
      intercepted.mock.restore();
      await (change === 'delete'
        ? collection.deleteOne({ _id: '2' })
        : collection.updateOne({ _id: '2' }, change));
      return collection.bulkWrite(...given);
    };
    const intercepted = t.mock.method(Collection.prototype, 'bulkWrite', meanwhile);
    const fates = await writeOf(results, ['d1', 'd2', 'd3']);
    assert.deepEqual(
      fates.map((fate) => (typeof fate === 'object' ? fate.permanent.slice(0, 11) : fate)),
      ['later', 'later', 'MongoDB 121'],
    );
    assert.deepEqual(await requestIds(collection), {
      1: 'REQ-d1',
      ...(change === 'delete' ? {} : { 2: undefined }),
      3: undefined,
    });
  });
}

test('a document that another unique index refuses is refused for good, and does not wait for ever', async () => {
  const { collection, write } = await filled([
    { _id: '1', externalIds: 'd1' },
    { _id: '2', externalIds: 'd2' },
    { _id: '3', externalIds: 'other', requestId: 'REQ-d1' },
  ]);
  await collection.createIndex({ requestId: 1 }, { unique: true, sparse: true });
  assert.deepEqual(await write('d1', 'd2'), [
    { permanent: 'refused by a unique index (11000)' },
    'written',
  ]);
});

test('ids are compared byte for byte where the collection takes "A" for "a"', () => {
  const settings = { ...DEFAULTS.mongodb, match: 'code' };
  // As a collection with a collation answers.
  const found = [
    { _id: 'of a', code: 'a' },
    { _id: 'of B', code: ['B', 'b'] },
  ];
  assert.deepEqual(placesOf(['A', 'a', 'B', 'c'].map(resultOf), found, settings), [
    [],
    ['of a'],
    ['of B'],
    [],
  ]);
});
