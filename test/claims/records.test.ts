/** What claims know of their failure records, and how failures are counted by it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { conflictKey } from '../../src/domain/names.ts';
import { failureGroups } from '../../src/operations/stored-failures.ts';
import { registrationFailures } from '../../src/operations/registration-failures.ts';
import { silent } from '../../src/runtime/log.ts';
import {
  ENDED_AT,
  call,
  claimRequest,
  claimed,
  hashOf,
  settlementOf,
  testBed,
} from '../helpers/activities.ts';
import { testConfig } from '../helpers/configuration.ts';
import type { TestBed } from '../helpers/activities.ts';

const groupsIn = async ({ store }: TestBed) =>
  (await failureGroups(registrationFailures(testConfig(), store))).map((each) => [
    `${each.class}: ${each.reason}`,
    each.waiting,
    each.total,
  ]);

const goneIn = async ({ store }: TestBed, key: string) =>
  (await store.claims.find([key])).get(key)?.gone?.as ?? null;

const rejected = (id: string, index = 0) =>
  settlementOf(id, 'rejected', { index, reason: `document of ${id} is missing` });

test('a failure is counted once, however often its settlement is tried', async (t) => {
  const bed = await testBed(t);
  const [a, b] = [bed.id(), bed.id()];
  await claimed(bed, [{ id: a }, { id: b }]);
  await call(bed.route, [rejected(a)]);
  await call(bed.route, [rejected(a)], { attempt: 2 });
  await call(bed.route, [rejected(a), rejected(b, 1)], { attempt: 3 });
  assert.deepEqual(await groupsIn(bed), [['rejected: document of # is missing', 2, 2]]);
});

test('what is registered is in no group', async (t) => {
  const bed = await testBed(t);
  const id = bed.id();
  await claimed(bed, [{ id }]);
  await call(bed.persist, [settlementOf(id, 'registered')]);
  assert.deepEqual(await groupsIn(bed), []);
});

test('a redrive is known once a run has claimed it, whoever moved the record', async (t) => {
  const bed = await testBed(t);
  const id = bed.id();
  await claimed(bed, [{ id }]);
  await call(bed.route, [rejected(id)]);
  assert.equal(await goneIn(bed, `${id}~0`), null);
  const redriven = [claimRequest(id, { failedGeneration: 0 })];
  const next = { workflowId: 'run-2' };
  assert.equal((await call(bed.claim, redriven, next))[0]?.kind, 'claimed');
  await call(bed.claim, redriven, { ...next, attempt: 2 });
  assert.equal(await goneIn(bed, `${id}~0`), 'redriven');
  assert.deepEqual(await groupsIn(bed), [['rejected: document of # is missing', 0, 1]]);
});

test('a conflict that is redriven and is one still has a record in the queue again', async (t) => {
  const bed = await testBed(t);
  const id = bed.id();
  const other = JSON.stringify({ id, other: true });
  await claimed(bed, [{ id }]);
  const key = conflictKey(id, 0, hashOf(other));
  const conflict = settlementOf(id, 'conflict', { claim: key, entry: `${key}#1` });
  const again = { workflowId: 'run-2' };
  await call(bed.claim, [claimRequest(id, { body: other })], again);
  await call(bed.route, [conflict], again);
  const [seen] = [...(await bed.store.claims.find([key])).values()];
  const at = seen?.outcome?.at.toISOString() ?? null;
  await bed.store.records.left([{ claim: key, at }], 'redriven');
  assert.equal(await goneIn(bed, key), 'redriven');

  const third = { workflowId: 'run-3' };
  await call(bed.claim, [claimRequest(id, { body: other, failedGeneration: 0 })], third);
  assert.equal(await goneIn(bed, key), null);
  await call(bed.route, [{ ...conflict, outcome: { kind: 'conflict', at: Date.now() } }], third);
  assert.equal(await goneIn(bed, key), null);
  assert.deepEqual(await groupsIn(bed), [['conflict: ', 1, 1]]);
  // Whoever notes the redrive late, notes it of another record.
  await bed.store.records.left([{ claim: key, at }], 'redriven');
  assert.equal(await goneIn(bed, key), null);
});

test('a malformed delivery that comes again is one failure, and waits again when it was dropped', async (t) => {
  const bed = await testBed(t);
  const { malformed, records } = bed.store;
  const body = Buffer.from('no JSON');
  const at = new Date();
  await malformed.note(body, 'not JSON', at);
  await malformed.note(body, 'not JSON', at);
  assert.deepEqual(await groupsIn(bed), [['malformed: not JSON', 1, 1]]);
  const [note] = await malformed.all();
  await records.left([{ claim: note?._id ?? '', at: at.toISOString() }], 'dropped');
  assert.deepEqual(await groupsIn(bed), [['malformed: not JSON', 0, 1]]);
  await malformed.note(body, 'not JSON', new Date());
  assert.deepEqual(await groupsIn(bed), [['malformed: not JSON', 1, 1]]);
});

test('a record that was taken for one that others took is known as ours once that is said, and not the other way round', async (t) => {
  const bed = await testBed(t);
  const id = bed.id();
  await claimed(bed, [{ id }]);
  await call(bed.route, [rejected(id)]);
  const seen = [{ claim: `${id}~0`, at: new Date(ENDED_AT).toISOString() }];
  await bed.store.records.left(seen, 'taken');
  assert.equal(await goneIn(bed, `${id}~0`), 'taken');
  await bed.store.records.left(seen, 'dropped');
  assert.equal(await goneIn(bed, `${id}~0`), 'dropped');
  for (const as of ['taken', 'redriven'] as const) await bed.store.records.left(seen, as);
  assert.equal(await goneIn(bed, `${id}~0`), 'dropped');
  assert.deepEqual(await groupsIn(bed), [['rejected: document of # is missing', 0, 1]]);
});

test('claims that somebody edited by hand keep nobody from noting the records of others', async (t) => {
  const bed = await testBed(t);
  const [id, odd, bare] = [bed.id(), bed.id(), bed.id()];
  await claimed(bed, [{ id }, { id: odd }, { id: bare }]);
  await call(bed.route, [rejected(id), rejected(odd, 1), rejected(bare, 2)]);
  const { collection } = bed.store.claims;
  await collection.updateOne({ _id: `${odd}~0` }, [{ $set: { 'outcome.at': 'yesterday' } }]);
  await collection.updateOne({ _id: `${bare}~0` }, [{ $unset: 'outcome' }]);
  const at = new Date(ENDED_AT).toISOString();
  const seen = [odd, bare, id].map((each) => ({ claim: `${each}~0`, at }));
  await bed.store.records.left(seen, 'dropped');
  assert.equal(await goneIn(bed, `${id}~0`), 'dropped');
  assert.deepEqual(await groupsIn(bed), [['rejected: document of # is missing', 0, 1]]);
});

test('a redrive that cannot be noted is claimed all the same, and that is told', async (t) => {
  const told: string[] = [];
  const bed = await testBed(t, {
    replace: {
      records: { left: () => Promise.reject(new Error('away')), back: () => Promise.resolve() },
      log: { ...silent, warn: (_: object, sentence: string) => told.push(sentence) },
    },
  });
  const id = bed.id();
  await claimed(bed, [{ id }]);
  await call(bed.route, [rejected(id)]);
  const redriven = [claimRequest(id, { failedGeneration: 0 })];
  const [answer] = await call(bed.claim, redriven, { workflowId: 'run-2' });
  assert.equal(answer?.kind, 'claimed');
  assert.equal(told.filter((each) => each.includes('failures compare')).length, 1);
});
