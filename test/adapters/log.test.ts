import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApplicationFailure } from '@temporalio/common';
import { errorFacts, failureDetail } from '../../src/log.ts';
import { testDatabase } from '../helpers/servers.ts';

test('a log line of an error holds no id that the database quotes', async (t) => {
  const { db } = await testDatabase(t);
  const collection = db.collection<{ _id: string }>('persons');
  const id = '123.456.789-09 {"} x';
  await collection.insertOne({ _id: id });
  const error: unknown = await collection.insertOne({ _id: id }).catch((caught: unknown) => caught);
  assert.match(String(error), /123\.456/, 'the driver quotes it');
  for (const told of [
    JSON.stringify(errorFacts(error)),
    failureDetail(error),
    failureDetail(ApplicationFailure.fromError(error)),
    JSON.stringify(errorFacts(String(error))),
  ]) {
    assert.match(told, /E11000/);
    assert.doesNotMatch(told, /123\.456|789-09/);
  }
});
