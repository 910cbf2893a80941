import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { setEach } from '../../src/set-each.ts';
import { testDatabase, uniqueName } from '../helpers/servers.ts';

const { db } = await testDatabase({ after });

interface Row extends Record<string, unknown> {
  key: string;
}

/** A collection with a document for each key, and what an update of some of them makes of it. */
async function updated(
  keys: string[],
  ids: string[],
  fields: Record<string, unknown[]>,
): Promise<Record<string, unknown>[]> {
  const collection = db.collection<Row>(uniqueName());
  await collection.insertMany(keys.map((key) => ({ key, kept: 1 })));
  await collection.updateMany({ key: { $in: ids } }, setEach('key', ids, fields));
  const rows = await collection.find({}, { projection: { _id: 0 } }).toArray();
  await collection.drop();
  return keys.map((key) => ({ ...rows.find((row) => row.key === key) }));
}

test('each document gets its own values, and the others keep theirs', async () => {
  assert.deepEqual(
    await updated(['a', 'b', 'c'], ['c', 'a'], { status: ['of c', 'of a'], n: [3, 1] }),
    [
      { key: 'a', kept: 1, status: 'of a', n: 1 },
      { key: 'b', kept: 1 },
      { key: 'c', kept: 1, status: 'of c', n: 3 },
    ],
  );
});

test('values and keys that begin with "$" are data, not fields of the document', async () => {
  const texts = ['$kept', '$$ROOT', '$', '$literal', '$$NOW'];
  assert.deepEqual(
    await updated(texts, texts, { value: texts }),
    texts.map((text) => ({ key: text, kept: 1, value: text })),
  );
});

test('tables, lists, dates and nothing are taken as they are, operators in them included', async () => {
  const at = new Date(1_700_000_000_000);
  const values = [
    { $add: [1, 2] },
    ['$kept', { $literal: 1 }],
    at,
    null,
    { deep: { $concat: ['$key', 'x'] } },
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
  await collection.insertOne({ key: 'a', outcome: { old: 1, reason: 'x' } });
  await collection.updateMany(
    { key: { $in: ['a'] } },
    setEach('key', ['a'], { outcome: [{ kind: 'failed' }] }),
  );
  assert.deepEqual((await collection.findOne({ key: 'a' }))?.['outcome'], { kind: 'failed' });
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
