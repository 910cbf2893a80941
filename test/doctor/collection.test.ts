import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { ObjectId } from 'mongodb';
import type { CreateCollectionOptions, Document } from 'mongodb';
import { DEFAULTS, type Config } from '../../src/config/schema.ts';
import { diagnoseCollection } from '../../src/doctor/collection.ts';
import { testDatabase, uniqueName } from '../helpers/servers.ts';

const { db } = await testDatabase({ after });

/** What the doctor says of a collection that is made so. */
async function diagnosed(
  documents: Document[],
  settings: Partial<Config['mongodb']> = {},
  { index, ...options }: CreateCollectionOptions & { index?: Document } = {},
) {
  const name = uniqueName();
  const collection = await db.createCollection<Document>(name, options);
  if (documents.length > 0)
    await collection.insertMany(documents, { bypassDocumentValidation: true });
  if (index !== undefined) await collection.createIndex({ n: 1 }, index);
  const before = await collection.find().toArray();
  const found = await diagnoseCollection(db, db, {
    ...DEFAULTS.mongodb,
    ...settings,
    collection: name,
  });
  assert.deepEqual(await collection.find().toArray(), before, 'the doctor has written');
  return Object.fromEntries(
    found.map(({ check, state, detail, remedy }) => [
      check.replace(name, '').trim(),
      `${state}: ${detail}${remedy === null ? '' : ` → ${remedy}`}`,
    ]),
  );
}

test('a collection that fits is well in every respect', async () => {
  const found = await diagnosed([{ n: 'a' }], { match: 'n' }, { index: { unique: true } });
  assert.deepEqual(found, {
    collection: 'well: found by n, which has a unique index',
    'ids in n': 'well: of a sample all are string',
  });
});

test('ids of another type are told with the setting that mends it', async () => {
  const found = await diagnosed([{ _id: new ObjectId() }]);
  assert.match(found['ids in _id'] ?? '', /^unwell: .*1 × objectId.* → Set mongodb.matchType: obj/);
  const some = await diagnosed([{ n: 7 }, { n: 'a' }, { n: 'b' }], { match: 'n' });
  assert.match(some['ids in n'] ?? '', /^warning: .*1 of 3 values/);
  const half = await diagnosed([{ n: 1.5 }, { n: 7 }], { match: 'n', matchType: 'long' });
  assert.match(
    half['ids in n'] ?? '',
    /^warning: .*1 of 2 values.*1 × number that is not whole.*: Name the field/,
  );
  const none = await diagnosed([{ m: 'a' }], { match: 'n' });
  assert.match(none['ids in n'] ?? '', /^warning: no document of a sample has that field →/);
});

for (const [what, index, told] of [
  ['no index', undefined, /no index on n/],
  ['one that is not unique', {}, /not unique/],
  ['a partial one', { partialFilterExpression: { open: true } }, /no index on n/],
] as const) {
  test(`with ${what} on the field there is a warning, and the line that makes one`, async () => {
    const found = await diagnosed(
      [{ n: 'a' }],
      { match: 'n' },
      index === undefined ? {} : { index },
    );
    assert.match(found['collection'] ?? '', told);
    assert.match(found['collection'] ?? '', /^warning: .*createIndex\(\{ "n": 1 \}, \{ unique/);
  });
}

test('lists in the place of the id are told', async () => {
  const found = await diagnosed([{ n: ['a', 'b'] }, { n: 'c' }], { match: 'n' });
  assert.match(found['lists in n'] ?? '', /^warning: 1 of 2 documents/);
});

const only = (...names: string[]): Document => ({
  $jsonSchema: {
    additionalProperties: false,
    properties: Object.fromEntries(names.map((name) => [name, {}])),
  },
});
const fieldsOf = { match: 'n', upsert: false };

test('a validator that refuses a field of ours is told with that field', async () => {
  const validator = only('_id', 'n', 'status', 'requestId');
  const found = await diagnosed([{ n: 'a' }, { n: 'b' }], fieldsOf, { validator });
  assert.match(
    found['validator'] ?? '',
    /^unwell: it refuses 2 of 2 documents of a sample once they have registeredAt → .*may be null/,
  );
  const without = { ...fieldsOf, registeredAtField: null };
  const mended = await diagnosed([{ n: 'a' }], without, { validator });
  assert.equal(mended['validator'], 'well: lets through what is written');
});

test('a validator may refuse the word of the status', async () => {
  const validator = { status: { $in: [null, 'open', 'feito'] } };
  const found = await diagnosed([{ n: 'a' }], fieldsOf, { validator });
  assert.match(found['validator'] ?? '', /^unwell: .*once they have status/);
  const mended = await diagnosed(
    [{ n: 'a' }],
    { ...fieldsOf, registeredWord: 'feito' },
    { validator },
  );
  assert.match(mended['validator'] ?? '', /^well/);
});

test('a validator that wants more of a new document is told with mongodb.upsert', async () => {
  const validator = { $jsonSchema: { required: ['name'] } };
  const found = await diagnosed([{ n: 'a', name: 'Ana' }], { match: 'n' }, { validator });
  assert.match(
    found['validator'] ?? '',
    /^unwell: it refuses a new document.*mongodb.upsert: false/,
  );
  const empty = await diagnosed([], { match: 'n' }, { validator });
  assert.match(empty['validator'] ?? '', /^unwell: it refuses a new document/);
  const mended = await diagnosed([{ n: 'a', name: 'Ana' }], fieldsOf, { validator });
  assert.match(mended['validator'] ?? '', /^well/);
});

test('what a validator only logs is a warning, and a moderate one lets old documents be', async () => {
  const validator = only('_id', 'n');
  const logged = await diagnosed([{ n: 'a' }], fieldsOf, { validator, validationAction: 'warn' });
  assert.match(logged['validator'] ?? '', /^warning: .*only logs/);
  const moderate = await diagnosed([{ n: 'a', old: 1 }], fieldsOf, {
    validator,
    validationLevel: 'moderate',
  });
  assert.match(moderate['validator'] ?? '', /^well/);
});

test('a collation that takes two ids for one is told where documents are inserted', async () => {
  const collation = { locale: 'pt', strength: 2 };
  const found = await diagnosed([{ _id: 'a' }], {}, { collation });
  assert.match(found['collation'] ?? '', /^warning: .*case, accents/);
  assert.equal(
    (await diagnosed([{ _id: 'a' }], { upsert: false }, { collation }))['collation'],
    undefined,
  );
});
