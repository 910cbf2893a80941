// Lanes that somebody terminates in a real Temporal: nothing they had is lost, and keys keep their order.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { laneId, laneOf } from '../../src/domain/lanes.ts';
import { HEADER, claimKey, workerQueue } from '../../src/domain/names.ts';
import { openDatabase } from '../../src/mongo/own-database.ts';
import { silent } from '../../src/runtime/log.ts';
import { taskSweepNeeds } from '../../src/operations/task-upkeep.ts';
import { openTaskClaims } from '../../src/tasks/claims.ts';
import { chainOf } from '../../src/tasks/delivery.ts';
import { leftInLane, startAgain } from '../../src/tasks/hand-over.ts';
import { redrivenTask } from '../../src/tasks/run.ts';
import { sweepTasks } from '../../src/tasks/sweep.ts';
import type { Ended } from '../../src/workers/call.ts';
import { eventually } from '../helpers/eventually.ts';
import { atEnd } from '../helpers/servers.ts';
import { testWorkers } from '../helpers/workers.ts';

const done: Ended = { kind: 'done', result: null, outgoing: [] };
const KEY = 'k';

/** A lane with three claimed messages of one key, the first of which is in its handler. */
async function busyLane(t: TestContext) {
  const begun: string[] = [];
  const first = Promise.withResolvers<void>();
  const flow = await testWorkers(
    t,
    async ({ id }) => {
      begun.push(id);
      if (id === 'm-1') await first.promise;
      return done;
    },
    { isOrdered: true },
  );
  const send = (id: string, more = {}) =>
    flow.publish({ id }, { messageId: id, headers: { [HEADER.key]: KEY, ...more } });
  for (const id of ['m-1', 'm-2', 'm-3']) await send(id);
  await eventually('they are claimed, and the first is handled', async () => {
    assert.equal(await flow.claims.countDocuments(), 3);
    assert.deepEqual(begun, ['m-1']);
  });
  const mongo = await openDatabase(flow.config, 'writer');
  atEnd(t, () => mongo.close());
  const config = { ...flow.config, sweeper: { ...flow.config.sweeper, olderThan: 0 } };
  const needs = taskSweepNeeds({
    ...{ ...flow, config, log: silent },
    claims: openTaskClaims(mongo.own),
  });
  const { chain = '' } = chainOf(KEY, true);
  const id = laneId(workerQueue(config.temporal.taskQueue, 'Sample'), laneOf(chain));
  const lane = flow.client.workflow.getHandle(id);
  return {
    ...{ ...flow, begun, send, needs, lane },
    letGo: () => first.resolve(),
    /** Its last hand-over is in its history, and nowhere else. */
    terminate: async (): Promise<void> => {
      await flow.claims.deleteOne({ _id: claimKey('Sample/m-3', 0) });
      await lane.terminate('by a test');
    },
  };
}

/** In the order of their first calls. */
const firstCalls = (begun: readonly string[]): string[] => [...new Set(begun)];

test('a lane that was terminated is begun anew with what it had, before it takes what comes', async (t) => {
  const { send, terminate, letGo, settled, begun } = await busyLane(t);
  await terminate();
  await send('m-4');
  letGo();
  for (const id of ['m-1', 'm-2', 'm-3', 'm-4']) await settled(id);
  assert.deepEqual(firstCalls(begun), ['m-1', 'm-2', 'm-3', 'm-4']);
});

test('what a terminated lane had goes on though nothing more comes for it', async (t) => {
  const { needs, terminate, letGo, settled, begun, lane } = await busyLane(t);
  assert.deepEqual((await sweepTasks(needs)).started, []);
  await terminate();
  assert.deepEqual((await sweepTasks(needs)).started, [lane.workflowId]);
  letGo();
  for (const id of ['m-1', 'm-2', 'm-3']) await settled(id);
  assert.deepEqual(firstCalls(begun), ['m-1', 'm-2', 'm-3']);
  assert.deepEqual((await sweepTasks(needs)).started, []);
});

test('a dead lane whose messages nobody can read goes on from its claims', async (t) => {
  const { needs, letGo, settled, begun, lane } = await busyLane(t);
  await lane.terminate('by a test');
  const broughtBy = () => Promise.resolve({ items: [], unreadable: 'its key is not here' });
  assert.deepEqual((await sweepTasks({ ...needs, broughtBy })).started, [lane.workflowId]);
  letGo();
  for (const id of ['m-1', 'm-2', 'm-3']) await settled(id);
  assert.deepEqual(firstCalls(begun), ['m-1', 'm-2', 'm-3']);
});

test('a task that waits for its time still does in the run that takes it over', async (t) => {
  const { send, needs, lane, claims, letGo, settled, begun } = await busyLane(t);
  letGo();
  await settled('m-3');
  const notBefore = 1_000 * Math.ceil(Date.now() / 1_000) + 3_600_000;
  await send('late', { [HEADER.notBefore]: String(notBefore) });
  await eventually('it is claimed', async () =>
    assert.ok(await claims.findOne({ item: 'Sample/late' })),
  );
  await lane.terminate('by a test');
  assert.deepEqual((await sweepTasks(needs)).started, [lane.workflowId]);
  await send('m-4');
  const view = await eventually('both are in the lane', async () => {
    const { open } = await lane.query<{ open: { id: string; nextStepAt: string | null }[] }>(
      'tasks',
    );
    assert.deepEqual(
      open.map(({ id }) => id),
      ['late', 'm-4'],
    );
    assert.notEqual(open[0]?.nextStepAt, 'now');
    return open;
  });
  assert.equal(view[0]?.nextStepAt, new Date(notBefore).toISOString());
  assert.ok(!begun.includes('late'));
  await lane.terminate('at the end of a test');
});

test('a lane of a worker that keeps no order any more gives up nothing of what it had', async (t) => {
  const { send, needs, lane, claims, letGo, settled } = await busyLane(t);
  await send('late', { [HEADER.notBefore]: String(Date.now() + 3_600_000) });
  await eventually('it is claimed', async () =>
    assert.ok(await claims.findOne({ item: 'Sample/late' })),
  );
  // It stays behind under an index that it will not have again.
  letGo();
  await settled('m-3');
  await lane.terminate('by a test');
  const unordered = { ...needs, worker: { ...needs.worker, isOrdered: false } };
  assert.deepEqual((await sweepTasks(unordered)).started, [lane.workflowId]);
  await eventually('it waits for its time in the new run', async () => {
    const { open } = await lane.query<{ open: { id: string; state: string }[] }>('tasks');
    assert.deepEqual(
      open.map(({ id, state }) => [id, state]),
      [['late', 'handle']],
    );
  });
  await lane.terminate('at the end of a test');
});

test('what a lane was handed twice is taken up once where it dies', async (t) => {
  const { send, needs, lane, claims, settled, letGo, begun } = await busyLane(t);
  await send('m-2');
  await eventually('the copy is in the lane', async () => {
    const { open } = await lane.query<{ open: { id: string }[] }>('tasks');
    assert.deepEqual(
      open.map(({ id }) => id),
      ['m-1', 'm-2', 'm-3', 'm-2'],
    );
  });
  await lane.terminate('by a test');
  const left = await leftInLane(needs, lane.workflowId);
  assert.deepEqual(left.map(({ id }) => id).sort(), ['m-1', 'm-2', 'm-3']);
  letGo();
  await sweepTasks(needs);
  await settled('m-3');
  assert.deepEqual(firstCalls(begun), ['m-1', 'm-2', 'm-3']);
  assert.equal(await claims.countDocuments(), 3);
});

test('a task of an ordered worker that is redriven waits for its turn in the lane of its key', async (t) => {
  const { needs, claims, letGo, begun, settled } = await busyLane(t);
  const failed = await claims.findOne({ _id: claimKey('Sample/m-2', 0) });
  assert.ok(failed);
  const redriven = redrivenTask({ ...failed, generation: 0 }, needs.config, needs.worker);
  assert.ok(redriven);
  const [id] = await startAgain(
    needs,
    [{ ...redriven, id: 'redriven', label: 'redriven' }],
    'redrive-',
  );
  assert.match(id ?? '', /\/lane-\d+$/);
  letGo();
  await settled('redriven');
  assert.deepEqual(firstCalls(begun), ['m-1', 'm-2', 'm-3', 'redriven']);
});
