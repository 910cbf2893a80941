/** What becomes of a registration, and of one that comes again. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, afterEach, test } from 'node:test';
import type { GetMessage, Options } from 'amqplib';
import { conflictKey } from '../../src/domain/names.ts';
import { eventually } from '../helpers/eventually.ts';
import { flowOf } from '../helpers/flow.ts';
import { uniqueName } from '../helpers/servers.ts';
import { startSystem } from '../helpers/system.ts';

const system = await startSystem(
  { after, afterEach },
  {
    env: { DESPACHANTE_LEGACY_DEADLINE: '2s', DESPACHANTE_TEST_CONSTANTS: 'intake.batchWait=300' },
  },
);
const flow = flowOf(system);
const { config, store } = system;

/** Properties and headers of every kind that a publisher may set. */
const headers: Record<string, unknown> = {
  tenant: 'north',
  count: 7,
  nested: { deep: [true, 'x'] },
  seal: Buffer.from([0, 255, 128]),
};
const plain = {
  contentType: 'application/vnd.example+json',
  contentEncoding: 'identity',
  correlationId: 'correlation-1',
  replyTo: 'somewhere',
  type: 'registration',
  appId: 'front-desk',
  priority: 3,
  timestamp: 1_700_000_000,
};
const properties: Options.Publish = { ...plain, headers };

function assertOriginal({ content, properties: kept }: GetMessage, body: Buffer): void {
  assert.deepEqual(content, body);
  const all: Record<string, unknown> = { ...kept };
  for (const [name, value] of Object.entries(plain)) assert.equal(all[name], value, name);
  const theirs = Object.entries({ ...kept.headers }).filter(([name]) => name in headers);
  assert.deepEqual(Object.fromEntries(theirs), headers);
  assert.equal(kept.deliveryMode, 2, 'a record that does not outlive the broker');
}

interface Story {
  claim: string;
  failureClass: string;
  reason: RegExp;
  attempts: number;
  requestId?: string | undefined;
  workflowId: string;
}

function assertStory({ properties: { headers: told = {} } }: GetMessage, story: Story): void {
  assert.equal(told['x-despachante-item'], story.claim);
  assert.equal(told['x-despachante-class'], story.failureClass);
  assert.match(String(told['x-despachante-reason']), story.reason);
  assert.ok(Date.parse(String(told['x-despachante-at'])) > Date.now() - 600_000);
  assert.equal(told['x-despachante-attempts'], story.attempts);
  assert.equal(told['x-despachante-request-id'], story.requestId);
  assert.equal(told['x-despachante-run'], story.workflowId);
  assert.equal(told['x-despachante-generation'], 0);
}

const bytesOf = (body: object): Buffer => Buffer.from(JSON.stringify(body));
const hashOf = (body: Buffer): string => createHash('sha256').update(body).digest('hex');
const duplicates = () => flow.metric('worker', 'despachante_duplicates_total');

async function oneMoreDuplicate(publish: () => Promise<void>): Promise<void> {
  const before = await duplicates();
  await publish();
  await eventually('it is counted as a duplicate', async () => {
    assert.equal(await duplicates(), before + 1);
  });
}

test('a registration that is done has its status in MongoDB, its claim settled and its journal accepted', async () => {
  const id = uniqueName();
  await flow.publish({ id, name: 'Ana' });
  const { outcome, message } = await flow.settled(id);
  const [requestId] = flow.requestIdsOf(id);
  assert.ok(requestId);
  const document = await flow.documentOf(id);
  assert.ok(document?.['registeredAt'] instanceof Date);
  assert.deepEqual(document, {
    _id: id,
    status: 'registered',
    requestId,
    registeredAt: document['registeredAt'],
  });
  assert.equal(message, null, 'the message is kept longer than needed');
  assert.equal(outcome?.kind, 'registered');
  assert.equal(outcome.requestId, requestId);
  const entry = (await store.journal.read([outcome.entry])).get(outcome.entry);
  assert.equal(entry?.state, 'accepted');
  assert.equal(entry.requestId, requestId);
  await eventually('nothing of it is left with the broker', async () => {
    assert.equal(
      await flow.metric('intake', 'despachante_unacknowledged{source="registrations"}'),
      0,
    );
    assert.equal(await system.depth(config.rabbit.intakeQueue), 0);
  });
  assert.deepEqual(await flow.lookAtFailures(), []);
});

test('what the legacy system refuses goes to the failure queue as rejected, with its reason', async () => {
  const id = uniqueName();
  const body = { id, simulate: { refuse: 'CPF inválido' } };
  await flow.publish(body, properties);
  const record = await flow.failureOf(`${id}~0`, 'rejected');
  assertOriginal(record, bytesOf(body));
  const { workflowId } = await flow.settled(id);
  assertStory(record, {
    claim: `${id}~0`,
    failureClass: 'rejected',
    reason: /^CPF inválido$/,
    attempts: 1,
    workflowId,
  });
  assert.equal(await flow.documentOf(id), null);
});

test('what fails in the end goes to the failure queue as failed, with its reason and request id', async () => {
  const id = uniqueName();
  const body = { id, simulate: { fail: 'documento ilegível' } };
  await flow.publish(body, properties);
  const record = await flow.failureOf(`${id}~0`, 'failed');
  assertOriginal(record, bytesOf(body));
  const { workflowId } = await flow.settled(id);
  assertStory(record, {
    claim: `${id}~0`,
    failureClass: 'failed',
    reason: /^documento ilegível$/,
    attempts: 1,
    requestId: flow.requestIdsOf(id)[0],
    workflowId,
  });
  assert.equal(await flow.documentOf(id), null);
});

test('what is still processing at the deadline goes to the failure queue as timed-out', async () => {
  const id = uniqueName();
  const body = { id, simulate: { neverFinish: true } };
  await flow.publish(body, properties);
  const record = await flow.failureOf(`${id}~0`, 'timed-out');
  assertOriginal(record, bytesOf(body));
  const { workflowId } = await flow.settled(id);
  assertStory(record, {
    claim: `${id}~0`,
    failureClass: 'timed-out',
    reason: /still processing/,
    attempts: 1,
    requestId: flow.requestIdsOf(id)[0],
    workflowId,
  });
  assert.equal(await flow.documentOf(id), null);
});

test('another body under the same id goes to the failure queue as conflict, once, and the first is untouched', async () => {
  const id = uniqueName();
  await flow.publish({ id, name: 'Ana' });
  await flow.settled(id);
  const other = { id, name: 'Bia' };
  const claim = conflictKey(id, 0, hashOf(bytesOf(other)));
  await flow.publish(other, properties);
  const record = await flow.failureOf(claim, 'conflict');
  assertOriginal(record, bytesOf(other));
  const conflict = await store.claims.collection.findOne({ _id: claim });
  assertStory(record, {
    claim,
    failureClass: 'conflict',
    reason: /another message with this id/,
    attempts: 0,
    workflowId: conflict?.workflowId ?? '',
  });
  await oneMoreDuplicate(() => flow.publish(other, properties));
  await flow.failureOf(claim, 'conflict');
  assert.equal(flow.postsOf(id).length, 1);
  assert.equal((await flow.documentOf(id))?.['requestId'], flow.requestIdsOf(id)[0]);
});

test('two bodies under one id in one batch: the first is filed, the other is a conflict', async () => {
  const id = uniqueName();
  const other = { id, name: 'Bia' };
  await Promise.all([flow.publish({ id, name: 'Ana' }), flow.publish(other)]);
  await flow.failureOf(conflictKey(id, 0, hashOf(bytesOf(other))), 'conflict');
  const { workflowId, outcome } = await flow.settled(id);
  assert.match(workflowId, /\+1\//, 'they came in two batches');
  assert.equal(outcome?.kind, 'registered');
  assert.equal(flow.postsOf(id).length, 1);
});

test('the same message twice in one batch is filed once', async () => {
  const id = uniqueName();
  await oneMoreDuplicate(async () => {
    await Promise.all([flow.publish({ id }), flow.publish({ id })]);
  });
  const { workflowId, outcome } = await flow.settled(id);
  assert.match(workflowId, /\+1\//, 'they came in two batches');
  assert.equal(outcome?.kind, 'registered');
  assert.equal(flow.postsOf(id).length, 1);
});

test('the same message again is filed once, while it is in flight and when it is done', async () => {
  const id = uniqueName();
  const body = { id, simulate: { latencyMs: 1_500 } };
  await flow.publish(body);
  await flow.claimed(id);
  await oneMoreDuplicate(() => flow.publish(body));
  assert.equal((await flow.claimed(id)).settledAt, null, 'it was no longer in flight');
  await flow.settled(id);
  await oneMoreDuplicate(() => flow.publish(body));
  assert.equal(flow.postsOf(id).length, 1);
  assert.equal(await flow.outcomeOf(id), 'registered');
});

test('the sum over all of this holds', async () => {
  const report = await flow.audit();
  assert.deepEqual(
    [report.lost, report.filedTwice, report.settledTwice, report.stranded],
    [[], [], [], []],
  );
  assert.deepEqual(report.failed, { rejected: 1, failed: 1, 'timed-out': 1, conflict: 2 });
  assert.equal(report.registered, 5);
  assert.equal(report.copies, 0);
});
