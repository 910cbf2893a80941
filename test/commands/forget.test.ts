import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { Binary, type Document } from 'mongodb';
import { openActions } from '../../src/coordination/actions.ts';
import { OWN, type OwnCollection } from '../../src/mongo/collections.ts';
import { run, testPlace } from './cli.ts';

const ID = '507f1f77bcf86cd799439011';
const at = new Date();
interface Row extends Document {
  _id: string;
}
const claimOf = (_id: string, more: Document = {}): Row => ({
  ...{ _id, item: _id.slice(0, _id.indexOf('~')), generation: 0, token: 't', index: 0 },
  ...{ workflowId: `run-of-${_id}`, bodyHash: 'h', message: null, receivedAt: at, claimedAt: at },
  ...{ entry: `${_id}#1`, settledAt: at, outcome: { kind: 'registered', reason: null, at } },
  ...more,
});

test('one command removes what is known of a registration, also in the notes of operators, and nothing of another', async (t) => {
  const place = await testPlace(t);
  const { own } = place.store;
  const env = { ...place.env, DESPACHANTE_MONGODB_MATCH_TYPE: 'objectId' };
  const forget = (...args: string[]) => run(['forget', ...args], { cwd: place.folder, env });
  const others = `${ID.slice(0, -1)}2`;
  const rows: [OwnCollection, Row[]][] = [
    [OWN.claims, [ID, others].map((id) => claimOf(`${id}~0`))],
    [OWN.journal, [ID, others].map((id) => ({ _id: `${id}~0#1`, state: 'accepted' }))],
    [OWN.setAside, [{ _id: `${ID}~0`, reason: 'no', at, claim: null }]],
    [
      OWN.taskClaims,
      [
        claimOf('EmailWorker/m-1~0', { worker: 'EmailWorker' }),
        claimOf('EmailWorker/m-10~0', { worker: 'EmailWorker' }),
      ],
    ],
  ];
  for (const [name, documents] of rows) await own.collection<Row>(name).insertMany(documents);
  const actions = openActions(own);
  const findings = [
    { kind: 'lost', count: 2, some: [ID, others].map((id) => ({ id, what: 'nowhere' })) },
  ];
  const noted = async (on: string | null, more: Document = {}) => {
    const note = { by: 'rui', what: 'doubts confirm', on, reason: 'as she said', at };
    await actions.collection.insertOne({
      ...note,
      _id: randomUUID(),
      result: { at, isDone: true, text: 'became registered' },
      ...more,
    });
  };
  await noted(`${ID} as request R-17`);
  await noted(`${others} as request R-18`);
  await noted(`${ID}~0:timed-out`);
  await noted(`${others}, ${ID}`);
  await noted(null, { reason: null, report: { holds: false, sums: [], findings } });
  await noted('m-1');

  // In another spelling, as the message has it.
  const id = ID.toUpperCase();
  const looked = await forget(id);
  assert.match(looked.stdout, /despachante_registrations_claims +1\n/);
  assert.match(looked.stdout, /notes of operators +4\n[^]*Nothing was changed/);
  assert.equal(await own.collection(OWN.claims).countDocuments(), 2);

  const { code, stderr } = await forget(id, '--yes', '--because', 'request 114');
  assert.equal(code, 0, stderr);
  for (const name of [OWN.claims, OWN.journal, OWN.setAside, OWN.actions]) {
    const all = JSON.stringify(await own.collection(name).find({}).toArray());
    assert.ok(!all.toLowerCase().includes(ID), name);
    assert.equal(all.includes(others), name !== OWN.setAside, name);
  }
  const [note] = await actions.latest(1);
  assert.deepEqual([note?.what, note?.on, note?.reason], ['forget', null, 'request 114']);
  assert.equal((await forget(id)).code, 4);

  const task = await forget('m-1', '--from', 'EmailWorker', '--yes');
  assert.equal(task.code, 0, task.stderr);
  const left = await own.collection<Document>(OWN.taskClaims).find({}).toArray();
  assert.deepEqual(
    left.map(({ _id }) => String(_id)),
    ['EmailWorker/m-10~0'],
  );
  assert.equal(await actions.collection.countDocuments({ on: 'm-1' }), 0);
});

test('what has not ended, or waits as a failure with its message, is not forgotten', async (t) => {
  const place = await testPlace(t);
  const message = { body: new Binary(Buffer.from('{}')), properties: '{}' };
  const failed = { kind: 'timed-out', reason: 'late', at };
  await place.store.own
    .collection<Row>(OWN.claims)
    .insertMany([
      claimOf('a~0', { settledAt: null, outcome: null, message }),
      claimOf('b~0', { outcome: failed }),
      claimOf('c~0', { outcome: failed, gone: { as: 'dropped', at } }),
    ]);
  assert.match((await place.run(['forget', 'a', '--yes'])).stderr, /has not ended/);
  assert.match((await place.run(['forget', 'b', '--yes'])).stderr, /failures drop b/);
  assert.equal((await place.run(['forget', 'c', '--yes'])).code, 0);
  assert.equal(await place.store.own.collection(OWN.claims).countDocuments(), 2);
});
