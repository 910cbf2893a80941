/** Registrations that may have been filed: never filed again by themselves, and brought on by an operator's word. */
import assert from 'node:assert/strict';
import { after, afterEach, test } from 'node:test';
import { eventually } from '../helpers/eventually.ts';
import { flowOf } from '../helpers/flow.ts';
import type { Body } from '../helpers/flow.ts';
import { uniqueName } from '../helpers/servers.ts';
import { startSystem } from '../helpers/system.ts';

const system = await startSystem({ after, afterEach });
const flow = flowOf(system);
const { client, config, store } = system;

const losing = (more: object = {}): Body => ({
  id: uniqueName(),
  simulate: { loseAnswer: true, ...more },
});

/** Publishes a registration whose answer is lost, and waits until its run holds it in doubt. */
async function inDoubt(body = losing()): Promise<string> {
  await flow.publish(body);
  const run = await flow.runOf(body.id);
  await eventually(`${body.id} is in doubt`, async () => {
    const view = await run.query<{ open: { id: string; state: string }[] }>('registrations');
    assert.deepEqual(
      view.open.filter(({ id }) => id === body.id).map(({ state }) => state),
      ['doubt'],
    );
  });
  return body.id;
}

const decide = (action: string, id: string, ...more: string[]) =>
  flow.json('doubts', action, id, '--operator', 'rui', '--reason', 'seen on screen 12', ...more);

const openDoubts = async (): Promise<string> => JSON.stringify(await flow.json('doubts', 'list'));

test('a lost answer is a doubt that everybody can see: in the search attribute, in the list, and not in the failure queue', async () => {
  const id = await inDoubt();
  const { workflowId } = await flow.claimed(id);
  const query = `Outcomes = "in-doubt" AND TaskQueue = "${config.temporal.taskQueue}"`;
  await eventually('the filter finds its run', async () => {
    const found: string[] = [];
    for await (const run of client.workflow.list({ query })) found.push(run.workflowId);
    assert.deepEqual(found, [workflowId]);
  });
  const list = await openDoubts();
  assert.ok(list.includes(id), list);
  assert.deepEqual(await flow.lookAtFailures(), []);
  assert.equal(await flow.documentOf(id), null);

  // Those who read the journal again, and every later delivery, must find that it was sent.
  await system.stop('worker');
  await system.start('worker');
  await flow.publish({ id, simulate: { loseAnswer: true } });
  await eventually('the second delivery is a duplicate', async () => {
    assert.equal(await flow.metric('worker', 'despachante_duplicates_total'), 1);
  });
  assert.equal(flow.postsOf(id).length, 1);
  assert.equal((await flow.audit()).inDoubt, 1);
  await decide('abandon', id);
  await flow.failureOf(`${id}~0`, 'in-doubt');
});

test('a shell completes the ids of doubts, and none that it would take for a command', async () => {
  const id = await inDoubt();
  await inDoubt({ ...losing(), id: `$(touch ${uniqueName()})` });
  const { code, stdout } = await flow.cli('completion', 'doubts');
  assert.equal(code, 0);
  assert.ok(stdout.split('\n').includes(id), stdout);
  assert.doesNotMatch(stdout, /\$/);
});

test('an operator confirms a doubt with the request id of the legacy system, and it is registered without a second POST', async () => {
  const id = await inDoubt();
  const [requestId] = flow.requestIdsOf(id);
  assert.ok(requestId);
  await decide('confirm', id, '--request-id', requestId);
  assert.equal(await flow.outcomeOf(id), 'registered');
  assert.equal((await flow.documentOf(id))?.['requestId'], requestId);
  assert.equal(flow.postsOf(id).length, 1);
  const entry = await store.journal.collection.findOne({ _id: `${id}~0#1` });
  assert.equal(entry?.operator, 'rui');
  assert.ok(!(await openDoubts()).includes(id));
});

test('an operator has a doubt submitted again, under the same Idempotency-Key', async () => {
  const id = await inDoubt();
  await decide('resubmit', id);
  assert.equal(await flow.outcomeOf(id), 'registered');
  const accepted = system.simulator.ledger().filter(({ event }) => event === 'accepted');
  const keys = accepted.flatMap((entry) =>
    'idempotencyKey' in entry && entry.id === id ? [entry.idempotencyKey] : [],
  );
  assert.equal(keys.length, 2);
  assert.equal(new Set(keys).size, 1);
  assert.equal((await flow.documentOf(id))?.['requestId'], flow.requestIdsOf(id)[1]);
});

test('an operator abandons a doubt, and it goes to the failure queue as in-doubt with the original bytes', async () => {
  const body = losing();
  const id = await inDoubt(body);
  await decide('abandon', id);
  const record = await flow.failureOf(`${id}~0`, 'in-doubt');
  assert.deepEqual(record.content, Buffer.from(JSON.stringify(body)));
  const { workflowId } = await flow.settled(id);
  const headers: Record<string, unknown> = { ...record.properties.headers };
  assert.equal(headers['x-despachante-reason'], 'seen on screen 12');
  assert.equal(headers['x-despachante-attempts'], 1);
  assert.equal(headers['x-despachante-run'], workflowId);
  assert.equal(await flow.documentOf(id), null);
  assert.equal(flow.postsOf(id).length, 1);
});

test('an abandoned doubt that is redriven is in doubt again, and not submitted by itself', async () => {
  const id = await inDoubt();
  await decide('abandon', id);
  await flow.failureOf(`${id}~0`, 'in-doubt');
  await flow.json('failures', 'redrive', id);
  await flow.claimed(id, 1);
  await eventually('it is in doubt again', async () =>
    assert.ok((await openDoubts()).includes(id)),
  );
  const [requestId] = flow.requestIdsOf(id);
  assert.ok(requestId);
  await decide('confirm', id, '--request-id', requestId);
  assert.equal(await flow.outcomeOf(id, 1), 'registered');
  assert.equal(flow.postsOf(id).length, 1);
});

test('a run that is cancelled ends what the legacy system has as cancelled, with its request id', async () => {
  const body = { id: uniqueName(), simulate: { neverFinish: true } };
  await flow.publish(body);
  const [requestId] = await eventually('it is accepted', () => {
    const found = flow.requestIdsOf(body.id);
    assert.equal(found.length, 1);
    return found;
  });
  await (await flow.runOf(body.id)).cancel();
  const record = await flow.failureOf(`${body.id}~0`, 'cancelled');
  assert.deepEqual(record.content, Buffer.from(JSON.stringify(body)));
  const headers: Record<string, unknown> = { ...record.properties.headers };
  assert.equal(headers['x-despachante-request-id'], requestId);
  assert.equal(headers['x-despachante-attempts'], 1);
  assert.match(String(headers['x-despachante-reason']), /cancelled/);
  assert.equal(await flow.documentOf(body.id), null);
});

test('the sum over all of this holds, and what was resubmitted is known as filed again on somebody’s word', async () => {
  const report = await flow.audit();
  assert.ok(report.holds, JSON.stringify(report));
  assert.equal(report.registered, 3);
  assert.deepEqual(report.failed, { 'in-doubt': 2, cancelled: 1 });
  assert.equal(report.filedAgain, 1);
});
