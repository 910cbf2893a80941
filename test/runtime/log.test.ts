import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApplicationFailure } from '@temporalio/common';
import { errorFacts, failureDetail, withReason } from '../../src/runtime/log.ts';
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

test('what sdk-core tells of a failure is one sentence with its reason, without stack, payload or document', () => {
  const failure =
    'Failure { failure: Some(Failure { message: "[TMPRL1100] Nondeterminism error: \\"poll\\" was\\nexpected, not {\\"id\\":\\"ana-1\\"}", source: "sdk", stack_trace: "at /home/ana/x.js", encoded_attributes: Some(Payload { data: [1] }), cause: Some(Failure { message: "another" }) }), force_cause: 0 }';
  assert.equal(
    withReason('Failing workflow task', failure),
    'Failing workflow task: [TMPRL1100] Nondeterminism error: "poll" was expected, not {…}',
  );
  for (const none of [
    undefined,
    null,
    7,
    '',
    'Failure { failure: None }',
    'Failure { message: "" }',
  ])
    assert.equal(withReason('Failing workflow task', none), 'Failing workflow task');
  const quoting = 'Failure { message: "Unexpected token A, Ana is not valid JSON" }';
  assert.equal(
    withReason('Failing workflow task', quoting),
    'Failing workflow task: the reason is in the history of the run',
  );
});
