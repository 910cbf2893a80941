/** What the store of the tests cannot refuse, in the words that MongoDB has for it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MongoServerError } from 'mongodb';
import { explainRefusal } from '../../src/mongo/refusals.ts';

const at = { mongodbUri: 'mongodb://ana:s3cret@store:27017/office' };

function explained(code: number, errmsg: string): string {
  const error = explainRefusal(at, 'office', new MongoServerError({ code, errmsg }));
  assert.ok(error instanceof Error);
  assert.doesNotMatch(error.message, /s3cret|lsid|policy-1/);
  return error.message;
}

for (const action of ['listCollections', 'createIndexes', 'update', 'find', 'listIndexes']) {
  test(`a user who may not ${action} is told so, with the role that is missing`, () => {
    const words = `not authorized on office to execute command { ${action}: "policy-1", lsid: { id: UUID("1") } }`;
    assert.equal(
      explained(13, words),
      `MongoDB at mongodb://***@store:27017/office: the user of MONGODB_URI may not ${action} in the database "office". Give it the role readWrite on that database`,
    );
  });
}

test('a user who may not change an index is told of the retention that wants it', () => {
  const words = 'not authorized on office to execute command { collMod: "policy-1" }';
  assert.match(explained(13, words), /mongodb\.retention.* was changed\. Give it the role dbAdmin/);
});

test('a server that wants a password is told as such', () => {
  const words = 'Command listCollections requires authentication';
  assert.match(explained(13, words), /wants a user and a password\. Write them into MONGODB_URI$/);
});

test('a database whose name differs in case only is told as such', () => {
  const words = 'db already exists with different case already have: [Office] trying to create [x]';
  assert.match(explained(13_297, words), /upper and lower case only\. Write the name/);
});

test('any other error is itself', () => {
  const error = new Error('no primary');
  assert.equal(explainRefusal(at, 'office', error), error);
});
