import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { setEach } from '../../src/mongo/set-each.ts';
import { testDatabase, uniqueName } from '../helpers/servers.ts';

const { db } = await testDatabase({ after });

interface Row extends Record<string, unknown> {
  _id: string;
}

/** A collection with a document for each key, and what an update of some of them makes of it. */
async function updated(
  keys: string[],
  ids: string[],
  fields: Record<string, unknown[]>,
): Promise<Record<string, unknown>[]> {
  const collection = db.collection<Row>(uniqueName());
  await collection.insertMany(keys.map((key) => ({ _id: key, kept: 1 })));
  await collection.updateMany({ _id: { $in: ids } }, setEach(ids, fields));
  const rows = await collection.find().toArray();
  await collection.drop();
  return keys.map((key) => ({ ...rows.find((row) => row._id === key) }));
}

test('each document gets its own values, and the others keep theirs', async () => {
  assert.deepEqual(
    await updated(['a', 'b', 'c'], ['c', 'a'], { status: ['of c', 'of a'], n: [3, 1] }),
    [
      { _id: 'a', kept: 1, status: 'of a', n: 1 },
      { _id: 'b', kept: 1 },
      { _id: 'c', kept: 1, status: 'of c', n: 3 },
    ],
  );
});

test('values and keys that begin with "$" are data, not fields of the document', async () => {
  const texts = ['$kept', '$$ROOT', '$', '$literal', '$$NOW'];
  assert.deepEqual(
    await updated(texts, texts, { value: texts }),
    texts.map((text) => ({ _id: text, kept: 1, value: text })),
  );
});

test('tables, lists, dates and nothing are taken as they are, operators in them included', async () => {
  const at = new Date(1_700_000_000_000);
  const values = [
    { $add: [1, 2] },
    ['$kept', { $literal: 1 }],
    at,
    null,
    { deep: { $concat: ['$_id', 'x'] } },
  ];
  const keys = values.map((_, n) => `k${n}`);
  const rows = await updated(keys, keys, { value: values });
  assert.deepEqual(
    rows.map(({ value }) => value),
    values,
  );
});

test('what is set replaces a table that was there, and is not mixed into it', async () => {
  const collection = db.collection<Row>(uniqueName());
  await collection.insertOne({ _id: 'a', outcome: { old: 1, reason: 'x' } });
  await collection.updateMany(
    { _id: { $in: ['a'] } },
    setEach(['a'], { outcome: [{ kind: 'failed' }] }),
  );
  assert.deepEqual((await collection.findOne({ _id: 'a' }))?.['outcome'], { kind: 'failed' });
});

test('a document that is matched and not listed stays as it is, rather than get the last values', async () => {
  const collection = db.collection<Row>(uniqueName());
  await collection.insertMany([{ _id: 'a' }, { _id: 'A', kept: 1 }]);
  await collection.updateMany({}, setEach(['a', 'b'], { status: ['of a', 'of b'] }));
  assert.deepEqual(await collection.find().toArray(), [
    { _id: 'a', status: 'of a' },
    { _id: 'A', kept: 1 },
  ]);
});

test('any texts go to the documents they are for', async () => {
  const texts = fc.uniqueArray(fc.string({ unit: 'grapheme', minLength: 1 }), {
    minLength: 1,
    maxLength: 12,
  });
  await fc.assert(
    fc.asyncProperty(texts, async (keys) => {
      const rows = await updated(keys, keys, { value: keys.map((key) => `$${key}`) });
      assert.deepEqual(
        rows.map(({ value }) => value),
        keys.map((key) => `$${key}`),
      );
    }),
    { numRuns: 25 },
  );
});
