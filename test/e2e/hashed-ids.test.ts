/** Ids that are personal themselves: shown as a keyed hash everywhere but where they must be whole. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, afterEach, test } from 'node:test';
import { HEADER } from '../../src/domain/names.ts';
import { eventually } from '../helpers/eventually.ts';
import { flowOf } from '../helpers/flow.ts';
import { textsOf } from '../helpers/payloads.ts';
import { startSystem } from '../helpers/system.ts';

const key = 'a key of the tests only';
const system = await startSystem(
  { after, afterEach },
  { env: { DESPACHANTE_REGISTRATION_HASH_IDS: 'true', REGISTRATION_ID_KEY: key } },
);
const flow = flowOf(system);
const { client, config } = system;

/** Random, but of a form that nothing else has. */
const cpf = (): string => `cpf-${Math.floor(Math.random() * 1e11)}`;
const labelOf = (id: string): string =>
  createHmac('sha256', key).update(id).digest('hex').slice(0, 24);

/** All that Temporal tells of a run without its inputs and answers, which are its state. */
async function shown(workflowId: string): Promise<string> {
  const { namespace } = config.temporal;
  const execution = { workflowId };
  const { workflowService } = client.connection;
  const described = await workflowService.describeWorkflowExecution({ namespace, execution });
  const { history } = await workflowService.getWorkflowExecutionHistory({ namespace, execution });
  return textsOf(client, [
    ...Object.values(described.workflowExecutionInfo?.searchAttributes?.indexedFields ?? {}),
    described.executionConfig?.userMetadata?.summary,
    ...(history?.events ?? []).map(({ userMetadata }) => userMetadata?.summary),
  ]);
}

test('with hashed ids the id is whole in MongoDB, the queues and the legacy system, and nowhere else', async () => {
  const [good, bad, lost] = [cpf(), cpf(), cpf()];
  await flow.publish({ id: good });
  await flow.publish({ id: bad, simulate: { refuse: 'CPF inválido' } });
  await flow.publish({ id: lost, simulate: { loseAnswer: true } });
  await flow.settled(good);
  assert.ok(await flow.documentOf(good));
  assert.equal(flow.postsOf(good).length, 1);
  const record = await flow.failureOf(`${bad}~0`, 'rejected');
  assert.ok(record.content.includes(bad));

  await eventually('one filter finds the run by the hash', async () => {
    const query = `ItemIds = "${labelOf(good)}" AND TaskQueue = "${config.temporal.taskQueue}"`;
    const found: string[] = [];
    for await (const { workflowId } of client.workflow.list({ query })) found.push(workflowId);
    assert.deepEqual(found, [(await flow.claimed(good)).workflowId]);
  });
  for (const id of [good, bad, lost]) {
    const { workflowId } = await flow.claimed(id);
    assert.ok(!workflowId.includes(id) && !(await shown(workflowId)).includes(id), workflowId);
    for (const role of ['worker', 'intake'] as const) {
      assert.ok(!system.log(role).includes(id), `the log of the ${role}`);
    }
  }
  const headers: Record<string, unknown> = { ...record.properties.headers };
  // Queues are among the places where the id is whole: it stands in the message, too.
  assert.equal(headers[HEADER.item], `${bad}~0`);
  delete headers[HEADER.item];
  assert.ok(!JSON.stringify(headers).includes(bad));
});

test('the command line takes the id or its hash, and shows the hash', async () => {
  const id = cpf();
  await flow.publish({ id, simulate: { loseAnswer: true } });
  await eventually('it is in doubt', async () => {
    const list = JSON.stringify(await flow.json('doubts', 'list'));
    assert.ok(list.includes(labelOf(id)));
    assert.ok(!list.includes(id));
  });
  const word = ['--operator', 'rui', '--reason', 'not on screen 12'];
  const told = JSON.stringify(await flow.json('doubts', 'abandon', labelOf(id), ...word));
  assert.ok(told.includes(labelOf(id)) && !told.includes(id), told);
  await flow.failureOf(`${id}~0`, 'in-doubt');
  const listed = JSON.stringify(await flow.json('failures', 'list'));
  assert.ok(listed.includes(labelOf(id)) && !listed.includes(id), listed);
  const story = JSON.stringify(await flow.json('status', id));
  assert.ok(story.includes(labelOf(id)) && !story.includes(id), story);
});
