import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { OWN } from '../../../src/mongo/collections.ts';
import { encodeProperties } from '../../../src/broker/rabbitmq/message.ts';
import { propertiesOf } from '../../helpers/properties.ts';
import { createFailures } from '../../../src/broker/rabbitmq/dead-letters.ts';
import { silent } from '../../../src/runtime/log.ts';
import { openResults } from '../../../src/registrations/results.ts';
import { DEFAULTS } from '../../../src/config/schema.ts';
import {
  ENDED_AT as at,
  call,
  claimRequest,
  settlementOf,
  testBed,
  triedLater,
} from '../../helpers/activities.ts';
import { eventually } from '../../helpers/eventually.ts';
import type { ClaimRequest } from '../../../activities/registrations/wanted.ts';
import { testPublisher, testQueues, testDatabase, uniqueName } from '../../helpers/servers.ts';

const store = await testDatabase({ after });
const collection = store.db.collection<{ _id: string } & Record<string, unknown>>('registrations');

/** As many registrations of one run, claimed. */
async function claimedIds(
  bed: Awaited<ReturnType<typeof testBed>>,
  count: number,
  more: Partial<ClaimRequest> = {},
): Promise<string[]> {
  const ids = Array.from({ length: count }, uniqueName);
  await call(
    bed.claim,
    ids.map((id, index) => claimRequest(id, { index, ...more })),
  );
  return ids;
}

const claimOf = async (key: string) => {
  const claim = (await store.claims.find([key])).get(key);
  assert.ok(claim, key);
  return claim;
};

/** Results in a collection of its own, with settings of its own. */
function resultsWith(mongodb: Partial<typeof DEFAULTS.mongodb>) {
  const name = uniqueName();
  return {
    results: openResults(store.db, { ...DEFAULTS.mongodb, collection: name, ...mongodb }),
    theirs: store.db.collection<Record<string, unknown>>(name),
  };
}

test('persist: the status is written, the claim has the outcome, and the message is let go', async (t) => {
  const bed = await testBed(t, { store });
  const ids = await claimedIds(bed, 3);
  const settlements = ids.map((id, index) => settlementOf(id, 'registered', { index }));
  assert.deepEqual(
    await call(bed.persist, settlements),
    [0, 1, 2].map((index) => ({ index, kind: 'settled' })),
  );
  for (const id of ids) {
    assert.deepEqual(await collection.findOne({ _id: id }), {
      _id: id,
      status: 'registered',
      requestId: `REQ-${id}`,
      registeredAt: new Date(at),
    });
    const claim = await claimOf(`${id}~0`);
    assert.equal(claim.message, null);
    assert.ok(claim.settledAt);
    assert.deepEqual(claim.outcome, {
      kind: 'registered',
      reason: null,
      at: new Date(at),
      requestId: `REQ-${id}`,
      acceptedAt: new Date(at - 12_000),
      polls: 2,
      doubt: false,
      entry: `${id}~0#1`,
    });
  }
});

test('persist run again writes the same once more and answers the same', async (t) => {
  const bed = await testBed(t, { store });
  const [id = ''] = await claimedIds(bed, 1);
  const settlements = [settlementOf(id, 'registered')];
  const first = await call(bed.persist, settlements);
  const before = await collection.findOne({ _id: id });
  assert.deepEqual(await call(bed.persist, settlements, { attempt: 2 }), first);
  assert.deepEqual(await collection.findOne({ _id: id }), before);
  assert.equal(await collection.countDocuments({ _id: id }), 1);
});

test('persist: a document that exists keeps its other fields, beside one that is new', async (t) => {
  const bed = await testBed(t, { store });
  const [there = '', fresh = ''] = await claimedIds(bed, 2);
  await collection.insertOne({ _id: there, name: 'Ana', status: 'waiting', tags: ['a'] });
  await call(bed.persist, [
    settlementOf(there, 'registered'),
    settlementOf(fresh, 'registered', { index: 1 }),
  ]);
  assert.deepEqual(await collection.findOne({ _id: there }), {
    _id: there,
    name: 'Ana',
    tags: ['a'],
    status: 'registered',
    requestId: `REQ-${there}`,
    registeredAt: new Date(at),
  });
  assert.equal((await collection.findOne({ _id: fresh }))?.['status'], 'registered');
});

test('persist: the field to match, the status field and its word are configuration', async (t) => {
  const { results, theirs } = resultsWith({
    match: 'numero',
    statusField: 'situacao',
    registeredWord: 'CADASTRADO',
  });
  const bed = await testBed(t, { store, replace: { results } });
  const [there = '', fresh = ''] = await claimedIds(bed, 2);
  await theirs.insertOne({ numero: there, nome: 'Ana' });
  await call(bed.persist, [
    settlementOf(there, 'registered'),
    settlementOf(fresh, 'registered', { index: 1 }),
  ]);
  const updated = await theirs.findOne({ numero: there });
  assert.equal(updated?.['nome'], 'Ana');
  assert.equal(updated['situacao'], 'CADASTRADO');
  assert.equal((await theirs.findOne({ numero: fresh }))?.['situacao'], 'CADASTRADO');
  assert.equal(await theirs.countDocuments(), 2);
});

test('persist: with upsert off a document that is not there is missing, and none is made', async (t) => {
  const { results, theirs } = resultsWith({ upsert: false, match: 'numero' });
  const bed = await testBed(t, { store, replace: { results } });
  const [there = '', gone = ''] = await claimedIds(bed, 2);
  await theirs.insertOne({ numero: there });
  assert.deepEqual(
    await call(bed.persist, [
      settlementOf(gone, 'registered'),
      settlementOf(there, 'registered', { index: 1 }),
    ]),
    [
      { index: 0, kind: 'missing' },
      { index: 1, kind: 'settled' },
    ],
  );
  assert.equal(await theirs.countDocuments(), 1);
  assert.equal(
    (await claimOf(`${gone}~0`)).settledAt,
    null,
    'not settled: it goes on as a failure',
  );
});

test('persist: an id that begins with "$" is data', async (t) => {
  const bed = await testBed(t, { store });
  const id = `$$ROOT.${uniqueName()}`;
  await call(bed.claim, [claimRequest(id)]);
  for (const attempt of [1, 2]) {
    const settlement = settlementOf(id, 'registered', { requestId: '$status' });
    assert.deepEqual(await call(bed.persist, [settlement], { attempt }), [
      { index: 0, kind: 'settled' },
    ]);
  }
  assert.equal((await collection.findOne({ _id: id }))?.['requestId'], '$status');
  assert.equal((await claimOf(`${id}~0`)).outcome?.requestId, '$status');
});

test('persist: one that its collection can never take is set aside with its message, and the others are written', async (t) => {
  const { results, theirs } = resultsWith({ statusField: 'status' });
  const errors: object[] = [];
  const log = { ...silent, error: (facts: object) => void errors.push(facts) };
  const bed = await testBed(t, { store, replace: { results, log } });
  const [good = '', bad = '', other = ''] = await claimedIds(bed, 3);
  await store.db.command({
    create: theirs.collectionName,
    validator: { _id: { $ne: bad } },
    validationAction: 'error',
  });
  const answers = await call(bed.persist, [
    settlementOf(good, 'registered'),
    settlementOf(bad, 'registered', { index: 1 }),
    settlementOf(other, 'registered', { index: 2 }),
  ]);
  assert.deepEqual(answers, [
    { index: 0, kind: 'settled' },
    { index: 1, kind: 'setAside' },
    { index: 2, kind: 'settled' },
  ]);
  const aside = await store.db
    .collection<{ _id: string; reason: string; claim: { message: unknown } }>(OWN.setAside)
    .findOne({ _id: `${bad}~0` });
  assert.match(aside?.reason ?? '', /^MongoDB 121/);
  assert.match(JSON.stringify(errors), /"reason":"MongoDB 121: Document failed validation"/);
  assert.ok(aside?.claim.message);
  // Whoever takes it up months later learns that it is registered: neither journal nor legacy system may know it any more.
  const { outcome, settledAt } = await claimOf(`${bad}~0`);
  assert.deepEqual([outcome?.kind, settledAt], ['registered', null]);
});

test('persist: when nothing could be written it throws what MongoDB threw, and Temporal tries again', async (t) => {
  const results = { ...store.results, write: () => Promise.reject(new Error('no primary')) };
  const bed = await testBed(t, { store, replace: { results } });
  const [id = ''] = await claimedIds(bed, 1);
  await assert.rejects(call(bed.persist, [settlementOf(id, 'registered')]), /no primary/);
  assert.equal((await claimOf(`${id}~0`)).settledAt, null);
});

test('route: original bytes, properties and headers, with the story in headers', async (t) => {
  const queues = await testQueues(t);
  const failures = createFailures(await testPublisher(t), queues.rabbit);
  const bed = await testBed(t, { store, replace: { failures } });
  const body = '{"id":"x", "é": 1.0}';
  const { properties } = encodeProperties(
    propertiesOf({
      contentType: 'application/json',
      correlationId: 'c-1',
      messageId: 'theirs',
      headers: { 'x-tenant': 'sp', n: 5 },
    }),
  );
  const wire = { body: Buffer.from(body).toString('base64'), properties };
  const [id = ''] = await claimedIds(bed, 1, { message: wire });
  await store.journal.collection.insertOne({
    _id: `${id}~0#2`,
    state: 'accepted',
    token: '',
    at: new Date(),
    tries: 3,
    requestId: `REQ-${id}`,
    reason: null,
    answeredAt: new Date(),
    operator: null,
  });
  const settlement = settlementOf(id, 'failed', {
    entry: `${id}~0#2`,
    reason: 'documento ilegível',
  });
  assert.deepEqual(await call(bed.route, [settlement]), [{ index: 0, kind: 'settled' }]);

  const message = await queues.take(queues.rabbit.failureQueue);
  assert.equal(message.content.toString(), body);
  assert.equal(message.properties.messageId, 'theirs');
  assert.equal(message.properties.contentType, 'application/json');
  assert.equal(message.properties.correlationId, 'c-1');
  assert.equal(message.properties.deliveryMode, 2);
  const headers = { ...message.properties.headers };
  delete headers['x-delivery-count']; // the broker's own
  assert.deepEqual(headers, {
    'x-tenant': 'sp',
    n: 5,
    'x-despachante-class': 'failed',
    'x-despachante-reason': 'documento ilegível',
    'x-despachante-at': new Date(at).toISOString(),
    'x-despachante-attempts': 4, // three under this entry, and one at least under the one before
    'x-despachante-origin': queues.rabbit.intakeQueue,
    'x-despachante-item': `${id}~0`,
    'x-despachante-request-id': `REQ-${id}`,
    'x-despachante-token': (await claimOf(`${id}~0`)).token,
    'x-despachante-run': 'run-1',
    'x-despachante-generation': 0,
  });
  assert.equal((await claimOf(`${id}~0`)).message, null);
  await queues.hasDepth(queues.rabbit.failureQueue, 0);
});

test('route: a queue that is not there throws when nothing else was settled, and nothing is lost', async (t) => {
  const failures = createFailures(await testPublisher(t), {
    failureQueue: uniqueName(),
    intakeQueue: 'any',
  });
  const bed = await testBed(t, { store, replace: { failures } });
  const [id = ''] = await claimedIds(bed, 1);
  await assert.rejects(call(bed.route, [settlementOf(id, 'failed')]), triedLater('NothingSettled'));
  const claim = await claimOf(`${id}~0`);
  assert.ok(claim.message);
  assert.equal(claim.settledAt, null);
});

test('route: one that is not confirmed is left over, and the others are settled', async (t) => {
  const bed = await testBed(t, { store });
  const [one = '', sick = ''] = await claimedIds(bed, 2);
  bed.failures.refuse = ({ claim }) =>
    claim === `${sick}~0` ? new Error('refused by the broker: the queue is full') : null;
  const settlements = [settlementOf(one, 'rejected'), settlementOf(sick, 'rejected', { index: 1 })];
  assert.deepEqual(await call(bed.route, settlements), [
    { index: 0, kind: 'settled' },
    { index: 1, kind: 'leftover' },
  ]);
  assert.ok((await claimOf(`${sick}~0`)).message);
});

test('route run again publishes nothing more', async (t) => {
  const bed = await testBed(t, { store });
  const [id = ''] = await claimedIds(bed, 1);
  const settlements = [settlementOf(id, 'timed-out')];
  const first = await call(bed.route, settlements);
  assert.deepEqual(await call(bed.route, settlements, { attempt: 2 }), first);
  assert.equal(bed.failures.records.length, 1);
});

test('route: an attempt that dies between record and claim leaves a wire copy with the same messageId', async (t) => {
  const dying = {
    ...store.claims,
    settled: () => Promise.reject(new Error('the process was killed here')),
  };
  const bed = await testBed(t, { store, replace: { claims: dying } });
  const [id = ''] = await claimedIds(bed, 1);
  await assert.rejects(call(bed.route, [settlementOf(id, 'failed')]), /killed here/);
  const next = await testBed(t, { store });
  await call(next.route, [settlementOf(id, 'failed')], { attempt: 2 });
  assert.deepEqual(bed.failures.records, next.failures.records);
});

test('route: what is settled already keeps its outcome, though the run was never told of it', async (t) => {
  const bed = await testBed(t, { store });
  const [id = ''] = await claimedIds(bed, 1);
  await call(bed.persist, [settlementOf(id, 'registered')]);
  const before = await claimOf(`${id}~0`);
  // The workflow task of that attempt was lost with its worker, and a cancellation came before the next.
  assert.deepEqual(await call(bed.route, [settlementOf(id, 'cancelled')]), [
    { index: 0, kind: 'settled' },
  ]);
  assert.deepEqual(bed.failures.records, []);
  assert.deepEqual(await claimOf(`${id}~0`), before);
});

test('route: the outcome is in the claim before its record can be seen', async (t) => {
  const bed = await testBed(t, { store });
  const seen: (string | undefined)[] = [];
  const failures = {
    async publish({ claim }: { claim: string | null }) {
      seen.push((await claimOf(claim ?? '')).outcome?.kind);
    },
  };
  const watching = await testBed(t, { store, replace: { failures } });
  const [id = ''] = await claimedIds(bed, 1);
  await call(watching.route, [settlementOf(id, 'rejected', { reason: 'CPF inválido' })]);
  assert.deepEqual(seen, ['rejected']);
});

test('route: what an attempt has begun to submit, since its run took it for never sent, ends in doubt', async (t) => {
  const claims = {
    ...store.claims,
    // Its intent was on the way to a slow store, and arrives together with the outcome.
    conclude: async (...outcomes: Parameters<typeof store.claims.conclude>) => {
      await store.claims.conclude(...outcomes);
      await store.journal.open(
        outcomes[0].map(({ outcome }) => outcome.entry).slice(0, 2),
        new Map(),
        'of the attempt that was given up',
      );
    },
  };
  const bed = await testBed(t, { store, replace: { claims } });
  const ids = await claimedIds(bed, 3);
  const never = { requestId: null, acceptedAt: null };
  const settlements = ids.map((id, index) =>
    settlementOf(id, index === 1 ? 'rejected' : 'cancelled', { index, ...never }),
  );
  await call(bed.route, settlements);
  const outcomes = await Promise.all(ids.map((id) => claimOf(`${id}~0`)));
  assert.deepEqual(
    outcomes.map(({ outcome }) => outcome?.doubt),
    [true, false, false],
  );
});

test('route: a redriven registration tells how often, and a doubt that nobody resolved is told', async (t) => {
  const bed = await testBed(t, { store });
  const [id = ''] = await claimedIds(bed, 1);
  await call(bed.route, [settlementOf(id, 'failed')]);
  await call(bed.claim, [claimRequest(id, { failedGeneration: 0 })], { workflowId: 'run-2' });
  const again = settlementOf(id, 'in-doubt', {
    claim: `${id}~1`,
    entry: `${id}~1#1`,
    requestId: null,
    doubt: true,
  });
  await call(bed.route, [again], { workflowId: 'run-2' });
  const record = bed.failures.records.at(-1);
  assert.deepEqual(
    [record?.generation, record?.failureClass, record?.workflowId, record?.requestId],
    [1, 'in-doubt', 'run-2', null],
  );
  assert.equal((await claimOf(`${id}~1`)).outcome?.doubt, true);
});

test('route: a record that the broker confirms late holds back none of the others', async (t) => {
  const ids = await claimedIds(await testBed(t, { store }), 3);
  const [slow = '', ...others] = ids;
  let confirm = (): void => {};
  let published = 0;
  const failures = {
    publish({ claim }: { claim: string | null }): Promise<void> {
      published += 1;
      return claim === `${slow}~0`
        ? new Promise<void>((resolve) => (confirm = resolve))
        : Promise.resolve();
    },
  };
  const bed = await testBed(t, { store, replace: { failures } });
  const settling = call(
    bed.route,
    ids.map((id, index) => settlementOf(id, 'failed', { index })),
  );
  for (const id of others) {
    await eventually(`${id} is settled`, async () => {
      assert.ok((await claimOf(`${id}~0`)).settledAt);
    });
  }
  assert.equal((await claimOf(`${slow}~0`)).settledAt, null);
  confirm();
  assert.deepEqual(
    (await settling).map(({ kind }) => kind),
    ['settled', 'settled', 'settled'],
  );
  assert.equal(published, 3);
});

test('route: what can never be published is set aside with its message, once, and is no leftover', async (t) => {
  const bed = await testBed(t, { store });
  const [id = '', other = ''] = await claimedIds(bed, 2);
  bed.failures.refuse = ({ claim }) =>
    claim === `${id}~0` ? new TypeError('Unknown type to encode: symbol') : null;
  await store.claims.setAtLegacy([`${id}~0`], 'accepted');
  const settlements = [settlementOf(id, 'failed'), settlementOf(other, 'failed', { index: 1 })];
  for (const attempt of [1, 2]) {
    assert.deepEqual(await call(bed.route, settlements, { attempt }), [
      { index: 0, kind: 'setAside' },
      { index: 1, kind: 'settled' },
    ]);
  }
  const aside = store.db.collection<{ _id: string; reason: string; claim: object }>(OWN.setAside);
  const kept = await aside.findOne({ _id: `${id}~0` });
  assert.equal(kept?.reason, 'Unknown type to encode: symbol');
  assert.ok(kept.claim && 'message' in kept.claim && kept.claim.message);
  const { atLegacy } = await claimOf(`${id}~0`);
  assert.equal(atLegacy, undefined, 'the legacy system has done with it');
});

test('route: what has no claim any more is set aside, for there is nothing to publish', async (t) => {
  const bed = await testBed(t, { store });
  const id = uniqueName();
  assert.deepEqual(await call(bed.route, [settlementOf(id, 'failed')]), [
    { index: 0, kind: 'setAside' },
  ]);
});

test('route: a conflict publishes the bytes of the conflicting message', async (t) => {
  const bed = await testBed(t, { store });
  const [id = ''] = await claimedIds(bed, 1);
  const other = claimRequest(id, { body: '{"other":true}' });
  const [answer] = await call(bed.claim, [other], { workflowId: 'run-2' });
  assert.ok(answer?.kind === 'conflict');
  const settlement = settlementOf(id, 'conflict', { claim: answer.claim, entry: '' });
  await call(bed.route, [settlement], { workflowId: 'run-2' });
  const [record] = bed.failures.records;
  assert.equal(record?.body.toString(), '{"other":true}');
  assert.equal(record.attempts, 0);
  assert.ok((await claimOf(`${id}~0`)).message, 'the first is not touched');
});

test('settlements are counted by outcome', async (t) => {
  const bed = await testBed(t, { store });
  const [one = '', two = ''] = await claimedIds(bed, 2);
  await call(bed.persist, [settlementOf(one, 'registered')]);
  await call(bed.route, [settlementOf(two, 'rejected', { acceptedAt: null, requestId: null })]);
  const { values } = await bed.dependencies.metrics.outcomes.get();
  assert.deepEqual(
    values.map(({ labels, value }) => [labels['outcome'], value]),
    [
      ['registered', 1],
      ['rejected', 1],
    ],
  );
});
