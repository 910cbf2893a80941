import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Binary, Decimal128, Double, Int32, Long, ObjectId, UUID } from 'mongodb';
import type { Document } from 'mongodb';
import { DEFAULTS, type Config } from '../../src/config/schema.ts';
import type { IdType } from '../../src/domain/registrations/id-type.ts';
import { readStory } from '../../src/operations/story.ts';
import { sampleOf } from '../../src/registrations/collection-sample.ts';
import { openResults } from '../../src/registrations/results.ts';
import { openStore } from '../../src/registrations/store.ts';
import { testConfig } from '../helpers/configuration.ts';
import { address, testDatabase, uniqueName } from '../helpers/servers.ts';

const { db } = await testDatabase({ after });
const registeredAt = new Date(1_700_000_000_000);
const resultOf = (id: string) => ({ id, requestId: `REQ-${id}`, registeredAt });
const hex = (n: number) => n.toString(16).padStart(24, 'a');
const uuid = (n: number) => `01234567-89ab-4def-8123-${n.toString(16).padStart(12, 'a')}`;

async function filled(documents: Document[], settings: Partial<Config['mongodb']>) {
  const collection = db.collection<Document>(uniqueName());
  if (documents.length > 0) await collection.insertMany(documents);
  const mongodb = { ...DEFAULTS.mongodb, ...settings, collection: collection.collectionName };
  const results = openResults(db, mongodb);
  return {
    mongodb,
    collection,
    results,
    write: (...ids: string[]) => results.write(ids.map(resultOf)),
  };
}

const TYPES: { matchType: IdType; ids: string[]; stored: (id: string) => unknown }[] = [
  {
    matchType: 'objectId',
    ids: [hex(1), hex(2), hex(3)],
    stored: (id) => ObjectId.createFromHexString(id),
  },
  { matchType: 'int', ids: ['7', '-8', '2147483647'], stored: (id) => new Int32(Number(id)) },
  {
    matchType: 'long',
    ids: ['7', '9007199254740993', '-9223372036854775808'],
    stored: (id) => Long.fromString(id),
  },
  { matchType: 'uuid', ids: [uuid(1), uuid(2), uuid(3)], stored: (id) => new UUID(id) },
  { matchType: 'string', ids: ['7', hex(1), uuid(1)], stored: (id) => id },
];

for (const { matchType, ids, stored } of TYPES) {
  for (const match of ['_id', 'numero']) {
    for (const upsert of [false, true]) {
      test(`a ${matchType} as ${match} is found, and upsert ${upsert} makes no second document`, async () => {
        const keep = (id: string) => ({ [match]: stored(id), name: `of ${id}` });
        const [first = '', second = '', third = ''] = ids;
        const { collection, results, write } = await filled([keep(first), keep(second)], {
          match,
          matchType,
          upsert,
        });
        assert.deepEqual(await write(second, third, first), [
          'written',
          upsert ? 'written' : 'missing',
          'written',
        ]);
        const found = await collection.find().toArray();
        assert.equal(found.length, upsert ? 3 : 2);
        for (const id of [first, second]) {
          const document = await results.find(id);
          assert.equal(document?.['name'], `of ${id}`);
          assert.equal(document['requestId'], `REQ-${id}`);
          assert.equal(document['status'], 'registered');
        }
        assert.equal(
          (await results.find(third))?.['requestId'],
          upsert ? `REQ-${third}` : undefined,
        );
        assert.deepEqual(await write(third, first), [upsert ? 'written' : 'missing', 'written']);
        assert.equal(await collection.countDocuments(), found.length);
      });
    }
  }
}

test('a number is found however it is stored, and none but the one that it is', async () => {
  const documents = [
    { _id: 'double', n: new Double(7) },
    { _id: 'long', n: Long.fromNumber(8) },
    { _id: 'decimal', n: Decimal128.fromString('9') },
    { _id: 'decimal of a fraction', n: Decimal128.fromString('10.0') },
    { _id: 'decimal of a power', n: Decimal128.fromString('-1.20E+3') },
    { _id: 'decimal of nothing', n: Decimal128.fromString('0E+6') },
    { _id: 'great double', n: new Double(2 ** 62) },
    { _id: 'greatest', n: Decimal128.fromString('9223372036854775807') },
    { _id: 'half', n: new Double(7.5) },
    { _id: 'half decimal', n: Decimal128.fromString('7.5') },
    { _id: 'huge decimal', n: Decimal128.fromString('1E+6144') },
    { _id: 'infinite', n: Infinity },
    { _id: 'not a number', n: Decimal128.fromString('NaN') },
    { _id: 'text', n: '7' },
    { _id: 'next', n: Long.fromString('9007199254740992') },
  ];
  const { collection, write } = await filled(documents, {
    match: 'n',
    matchType: 'long',
    upsert: false,
  });
  const ids = ['7', '8', '9', '10', '-1200', '0', String(2n ** 62n), '9223372036854775807'];
  assert.deepEqual(await write(...ids, '9007199254740993'), [
    ...ids.map(() => 'written'),
    'missing',
  ]);
  const found = await collection.distinct('_id', { status: 'registered' });
  const theirs = documents.slice(0, ids.length).map(({ _id }) => _id);
  assert.deepEqual(found.sort(), theirs.sort());
});

test('beside a number of another kind no second document is made', async () => {
  const documents = [
    { _id: 'a', n: new Double(2 ** 62) },
    { _id: 'b', n: Decimal128.fromString('7.0') },
    { _id: 'c', n: Decimal128.fromString('1E+2') },
  ];
  const { collection, write } = await filled(documents, { match: 'n', matchType: 'long' });
  assert.deepEqual(await write(String(2n ** 62n), '7', '100'), Array(3).fill('written'));
  assert.equal(await collection.countDocuments(), 3);
});

test('of lists of numbers each registration gets its own', async () => {
  const { results, write } = await filled([{ ids: [7, 70] }, { ids: [Long.fromNumber(8)] }], {
    match: 'ids',
    matchType: 'int',
    upsert: false,
  });
  assert.deepEqual(await write('8', '70'), ['written', 'written']);
  assert.equal((await results.find('70', 'REQ-70'))?.['requestId'], 'REQ-70');
  assert.equal((await results.find('8'))?.['requestId'], 'REQ-8');
});

test('fields are written under their names, and those without a name are left out', async () => {
  const names = { statusField: 'situacao', requestIdField: 'protocolo', registeredAtField: null };
  for (const documents of [[], [{ _id: 'a', kept: 1 }]]) {
    const { collection, results, write } = await filled(documents, names);
    assert.deepEqual(await write('a'), ['written']);
    const kept = documents[0] ?? { _id: 'a' };
    const all = { ...kept, situacao: 'registered', protocolo: 'REQ-a' };
    assert.deepEqual(await collection.find().toArray(), [all]);
    assert.equal(await results.count(), 1);
  }
});

test('the status alone can be written, also to a list of ids, and under a strict validator', async () => {
  const { collection, mongodb, results } = await filled([{ _id: 1, ids: ['a', 'b'] }], {
    match: 'ids',
    upsert: false,
    requestIdField: null,
    registeredAtField: null,
  });
  await db.command({
    collMod: collection.collectionName,
    validator: {
      $jsonSchema: {
        additionalProperties: false,
        properties: { _id: {}, ids: {}, status: { enum: ['registered'] } },
      },
    },
  });
  assert.deepEqual(await results.write([resultOf('a')]), ['written']);
  assert.deepEqual(await results.write([resultOf('b')]), ['written']);
  assert.deepEqual(await collection.find().toArray(), [
    { _id: 1, ids: ['a', 'b'], status: 'registered' },
  ]);
  const wrong = await openResults(db, { ...mongodb, requestIdField: 'requestId' }).write([
    resultOf('a'),
  ]);
  assert.match(JSON.stringify(wrong), /MongoDB 121/);
});

const KINDS: [what: string, value: () => unknown, remedy: RegExp][] = [
  ['ObjectIds', () => new ObjectId(), /mongodb\.matchType: objectId/],
  ['numbers', () => 7, /mongodb\.matchType: long/],
  ['UUIDs', () => new UUID(), /mongodb\.matchType: uuid/],
  [
    'UUIDs of the old kind',
    () => new Binary(Buffer.alloc(16, 1), Binary.SUBTYPE_UUID_OLD),
    /subtype 3.*mongodb\.match$/,
  ],
  ['lists of ObjectIds', () => [new ObjectId()], /mongodb\.matchType: objectId/],
];
for (const [what, value, remedy] of KINDS) {
  test(`a worker refuses to start where the ids are texts and the collection has ${what}`, async (t) => {
    const { store, config } = await withDocuments(t, [{ n: value() }, { n: value() }, { n: 'a' }]);
    await assert.rejects(openStore(config, 'worker'), (error) => {
      assert.ok(error instanceof Error);
      assert.match(error.message, /2 of 3 values of "n" are no string/);
      assert.match(error.message, remedy);
      return true;
    });
    const documents = store.db.collection(config.mongodb.collection);
    assert.equal(await documents.countDocuments({ status: 'registered' }), 0);
  });
}

test('a worker starts where most of a sample is of the type, or nothing of it has the field', async (t) => {
  for (const documents of [
    [{ n: 7 }, { n: 'a' }, { n: ['b'] }],
    [{ m: 7 }, { n: null }],
  ]) {
    const { config } = await withDocuments(t, documents);
    await (await openStore(config, 'worker')).close();
  }
});

test('a sample reads nothing of a document but its id', async () => {
  const { mongodb } = await filled([{ _id: 'a', n: 7, people: 'private' }], { match: 'n' });
  assert.deepEqual((await sampleOf(db, mongodb)).documents, [{ _id: 'a', n: 7 }]);
});

test('whoever asks for an id of hexadecimal digits may write either case', async (t) => {
  const { config } = await withDocuments(t, [{ n: new UUID(uuid(1)), status: 'here' }], {
    matchType: 'uuid',
  });
  const opened = await openStore(config, 'worker');
  t.after(opened.close);
  const story = await readStory(uuid(1).toUpperCase(), opened, config);
  assert.deepEqual([story?.id, story?.document?.['status']], [uuid(1), 'here']);
});

async function withDocuments(
  t: Parameters<typeof testDatabase>[0],
  documents: Document[],
  settings = {},
) {
  const store = await testDatabase(t, { match: 'n' });
  await store.db.collection('registrations').insertMany(documents);
  const mongodb = { database: store.db.databaseName, match: 'n', ...settings };
  return { store, config: testConfig({ mongodbUri: address('MONGODB_URI'), mongodb }) };
}
