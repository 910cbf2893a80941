/** What a person and a program can see of the work: Temporal Web, logs, health and metrics, and what none of them shows. */
import assert from 'node:assert/strict';
import { after, afterEach, test } from 'node:test';
import type { Client } from '@temporalio/client';
import { eventually } from '../helpers/eventually.ts';
import { flowOf } from '../helpers/flow.ts';
import { textsOf } from '../helpers/payloads.ts';
import { uniqueName } from '../helpers/servers.ts';
import { startSystem } from '../helpers/system.ts';
import type { Role } from '../helpers/system.ts';

const system = await startSystem(
  { after, afterEach },
  { env: { DESPACHANTE_TEST_CONSTANTS: 'intake.batchWait=300' } },
);
const flow = flowOf(system);
const { client, config } = system;
const roles: Role[] = ['worker', 'intake'];

async function found(query: string): Promise<string[]> {
  const ids: string[] = [];
  const mine = `${query} AND TaskQueue = "${config.temporal.taskQueue}"`;
  for await (const { workflowId } of client.workflow.list({ query: mine })) ids.push(workflowId);
  return ids;
}

/** Everything that Temporal keeps of a run, but for the input and answers of its steps, as one sees it who has the key. */
async function shownOf(from: Client, workflowId: string): Promise<string> {
  const { workflowService } = from.connection;
  const execution = { workflowId };
  const { namespace } = config.temporal;
  const described = await workflowService.describeWorkflowExecution({ namespace, execution });
  const { workflowExecutionInfo: info, executionConfig } = described;
  const decoded = await textsOf(from, [
    ...Object.values(info?.searchAttributes?.indexedFields ?? {}),
    ...Object.values(info?.memo?.fields ?? {}),
    executionConfig?.userMetadata?.summary,
    executionConfig?.userMetadata?.details,
  ]);
  return [workflowId, decoded].join('\n');
}

test('a run says what it carries: in its id, its summary, its search attributes and to a query', async () => {
  const prefix = uniqueName();
  await flow.publishMany(prefix, 3, { simulate: { neverFinish: true } });
  const { workflowId } = await flow.claimed(`${prefix}-1`);
  assert.match(workflowId, new RegExp(`^registrations/${prefix}-\\d\\+2/`));
  const shown = await shownOf(client, workflowId);
  assert.match(shown, /3 registrations, /);
  await eventually('one filter finds the run of a registration', async () => {
    assert.deepEqual(await found(`ItemIds = "${prefix}-2"`), [workflowId]);
  });
  const run = client.workflow.getHandle(workflowId);
  await eventually('the query tells of each', async () => {
    const { open } = await run.query<{ open: { id: string; state: string; requestId: string }[] }>(
      'registrations',
    );
    assert.deepEqual(
      open.map(({ id }) => id).sort(),
      [0, 1, 2].map((n) => `${prefix}-${n}`),
    );
    for (const { id, state, requestId } of open) {
      assert.equal(state, 'poll');
      assert.equal(requestId, flow.requestIdsOf(id)[0]);
    }
  });
  await run.cancel();
  await eventually('one filter finds the runs in which something was cancelled', async () => {
    assert.deepEqual(await found('Outcomes = "cancelled"'), [workflowId]);
  });
});

test('a single registration has a run of its own, found by its id, and "despachante status" tells its story', async () => {
  const id = uniqueName();
  await flow.publish({ id });
  const { workflowId } = await flow.settled(id);
  assert.ok(workflowId.startsWith(`registrations/${id}/`));
  assert.match(await shownOf(client, workflowId), new RegExp(`registration ${id}`));
  const story = JSON.stringify(await flow.json('status', id));
  const [requestId = 'none'] = flow.requestIdsOf(id);
  for (const part of [workflowId, requestId, 'registered']) assert.ok(story.includes(part), story);
});

test('health and metrics tell how many ended in which way, were duplicates, or were no registrations', async () => {
  const count = async (role: Role, samples: string[]): Promise<number[]> =>
    Promise.all(samples.map((sample) => flow.metric(role, `despachante_${sample}`)));
  const ofWorker = [
    'registrations_total{outcome="registered"}',
    'registrations_total{outcome="rejected"}',
    'duplicates_total',
    'submissions_total{result="accepted"}',
    'submissions_total{result="refused"}',
  ];
  const ofIntake = [
    'registrations_total{outcome="malformed"}',
    'malformed_total{source="registrations"}',
    'deliveries_total{source="registrations"}',
  ];
  const before = [await count('worker', ofWorker), await count('intake', ofIntake)].flat();
  const [good, bad] = [uniqueName(), uniqueName()];
  await flow.publish({ id: good });
  await flow.publish({ id: bad, simulate: { refuse: 'CPF inválido' } });
  await flow.settled(good);
  await flow.publish({ id: good });
  await flow.publishBytes(Buffer.from('no registration'));
  await eventually('all is counted', async () => {
    const now = [await count('worker', ofWorker), await count('intake', ofIntake)].flat();
    assert.deepEqual(
      now.map((value, at) => value - (before[at] ?? 0)),
      [1, 1, 1, 1, 1, 1, 1, 4],
    );
  });
  for (const role of roles) {
    assert.deepEqual(await flow.ask(role, '/live'), { status: 200, text: '{"live":true}\n' });
    const { status, text } = await flow.ask(role, '/ready');
    assert.equal(status, 200);
    assert.match(text, /"ready":true.*"rabbitmq":true/);
    assert.equal((await flow.ask(role, '/')).status, 404);
  }
  assert.ok((await flow.metric('worker', 'despachante_settle_lag_seconds_count')) > 0);
});

test('logs are lines of JSON', () => {
  for (const role of roles) {
    for (const line of system.log(role).trim().split('\n')) {
      const parsed: unknown = JSON.parse(line);
      assert.ok(typeof parsed === 'object' && parsed !== null && 'msg' in parsed, line);
    }
  }
});

test('what a message says of a person is in no log line, header, workflow id, search attribute or summary', async () => {
  const canary = 'CANARY-Ana-Nascimento';
  const conflict = { id: uniqueName(), name: canary };
  const bodies = [
    conflict,
    { id: uniqueName(), name: canary },
    { id: uniqueName(), name: canary, simulate: { refuse: 'CPF inválido' } },
    { id: uniqueName(), name: canary, simulate: { fail: 'documento ilegível' } },
  ];
  for (const body of bodies) await flow.publish(body);
  await flow.settled(conflict.id);
  await flow.publish({ ...conflict, more: canary });
  await flow.publishBytes(Buffer.from(`{"id": 1, "name": "${canary}"}`));
  await flow.publishBytes(Buffer.from(`${canary} {`));
  const records = await eventually('all five records are there', async () => {
    const all = (await flow.lookAtFailures()).filter(({ content }) => content.includes(canary));
    assert.equal(all.length, 5);
    return all;
  });
  for (const { properties } of records) assert.ok(!JSON.stringify(properties).includes(canary));
  for (const { id } of bodies) {
    const { workflowId } = await flow.settled(id);
    assert.ok(!(await shownOf(client, workflowId)).includes(canary), workflowId);
  }
  for (const role of roles) {
    assert.ok(!system.log(role).includes(canary), `the log of the ${role}`);
    assert.ok(!(await flow.ask(role, '/metrics')).text.includes(canary));
  }
});
