/** What operators do with the failed tasks of a worker, and with tasks that a dead run has left. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { DEFAULTS } from '../../src/config/schema.ts';
import { openActions } from '../../src/coordination/actions.ts';
import { openControl } from '../../src/coordination/control.ts';
import { listProcesses, runnersOf } from '../../src/coordination/processes.ts';
import { HEADER } from '../../src/domain/names.ts';
import { bodyHashOf } from '../../src/broker/body-hash.ts';
import type { RedriveOrder } from '../../src/domain/redrive-order.ts';
import type { NewTask } from '../../src/domain/tasks.ts';
import { openDatabase } from '../../src/mongo/own-database.ts';
import { findFailures, listFailures } from '../../src/operations/failures.ts';
import { clearLetters } from '../../src/operations/letters.ts';
import { pauseIntake, resumeIntake } from '../../src/operations/pause.ts';
import { redriveWord } from '../../src/operations/redrive-notes.ts';
import { beginRedrive, redriveState } from '../../src/operations/redrive.ts';
import { failureGroups } from '../../src/operations/stored-failures.ts';
import { dropTasks, taskFailures } from '../../src/operations/task-failures.ts';
import { redriveByItself, taskSweepNeeds } from '../../src/operations/task-upkeep.ts';
import { readWorkers } from '../../src/operations/worker-counts.ts';
import { serverTime } from '../../src/mongo/server-time.ts';
import { silent } from '../../src/runtime/log.ts';
import { openTaskClaims } from '../../src/tasks/claims.ts';
import type { Running } from '../../src/tasks/rules.ts';
import { sweepTasks, type TaskSweepNeeds } from '../../src/tasks/sweep.ts';
import type { Call, Ended } from '../../src/workers/call.ts';
import type { Changes } from '../helpers/configuration.ts';
import { eventually } from '../helpers/eventually.ts';
import { atEnd, uniqueName } from '../helpers/servers.ts';
import { testWorkers } from '../helpers/workers.ts';

const done: Ended = { kind: 'done', result: 1, outgoing: [] };
const failed = (reason: string): Ended => ({
  kind: 'failed',
  failure: 'permanent',
  reason,
  class: 'NoUser',
});

const ALL: RedriveOrder = {
  ...{ ids: [], class: null, reason: null, olderThan: null, newerThan: null, limit: null },
  ...{ maxRedrives: 3, foreign: false, perSecond: null, canary: null },
};
const ANA = { by: 'ana', reason: null };

/** Workers with what operations need of them. */
async function place(
  t: TestContext,
  handle: (call: Call) => Promise<Ended> | Ended,
  given: Partial<Running> = {},
  settings: Changes = {},
) {
  const flow = await testWorkers(t, handle, given, settings);
  const { config, client, worker } = flow;
  const mongo = await openDatabase(config, 'writer');
  atEnd(t, () => mongo.close());
  const { own } = mongo;
  const [actions, control] = [openActions(own), openControl(own)];
  const claims = openTaskClaims(own);
  const needs = { config, client, worker, own, claims, actions, control, log: silent };
  const redriving = { config, client, store: { actions, control }, worker: worker.name };
  const failures = taskFailures(config, own, worker.name);
  await eventually('the process is heard of', async () => {
    assert.equal(runnersOf(await listProcesses(own), worker.name).length, 1);
  });
  return {
    ...flow,
    ...needs,
    mongo,
    failures,
    redriving,
    list: (more: object = {}) =>
      listFailures(failures, { state: 'waiting', limit: null, told: 100, ...more }),
    async redrive(order: Partial<RedriveOrder> = {}) {
      const input = { order: { ...ALL, ...order }, said: { ...ANA, on: 'all' }, carried: null };
      const begun = await beginRedrive(redriving, input);
      assert.ok(begun.kind === 'begun', begun.kind);
      return begun.report;
    },
  };
}

test('what has failed is listed by class and reason, is found by its id, and keeps its message', async (t) => {
  const flow = await place(t, ({ id }) => failed(`no user ${id}`));
  await flow.publish({ n: 1 }, { messageId: 'm-1' });
  await flow.publish({ n: 2 }, { messageId: 'm-2' });
  await flow.settled('m-1');
  await flow.settled('m-2');
  const found = await flow.list();
  assert.deepEqual([found.waiting, found.matching], [2, 2]);
  assert.deepEqual(
    (await failureGroups(flow.failures)).map(({ reason, waiting }) => [reason, waiting]),
    [['no user #', 2]],
  );
  const [one, ...more] = await findFailures(flow.failures, 'm-1');
  assert.equal(more.length, 0);
  assert.deepEqual(
    [one?.id, one?.class, one?.error, one?.reason, one?.attempts, one?.state],
    ['m-1', 'permanent', 'NoUser', 'no user m-1', 1, 'waiting'],
  );
  assert.deepEqual(
    (await findFailures(flow.failures, 'm-1~0:permanent')).map(({ id }) => id),
    ['m-1'],
  );
  assert.notEqual((await flow.settled('m-1')).message, null);
});

test('a redrive gives what has failed to a new run, as its next generation, and takes the letter out of the queue', async (t) => {
  let isMended = false;
  const calls: string[] = [];
  const flow = await place(t, (call) => {
    calls.push(`${call.id} ${call.headers['tenant']}`);
    return isMended ? done : failed('no');
  });
  await flow.publish({ n: 1 }, { messageId: 'm-1', headers: { tenant: 'a' } });
  await flow.publish({ n: 2 }, { messageId: 'm-2', headers: { tenant: 'b' } });
  await flow.settled('m-1');
  await flow.settled('m-2');
  isMended = true;
  const report = await flow.redrive({ ids: ['m-1'] });
  assert.deepEqual([report.sent, report.left, report.failure], [1, 1, null]);
  assert.equal((await flow.settled('m-1', 1)).outcome?.kind, 'done');
  const before = await flow.settled('m-1');
  assert.deepEqual([before.gone?.as, before.message], ['redriven', null]);
  assert.deepEqual(
    (await flow.list()).failures.map(({ id }) => id),
    ['m-2'],
  );
  const letter = await flow.take(flow.deadLetters);
  assert.equal(letter.properties.headers?.[HEADER.item], 'Sample/m-2~0');
  assert.deepEqual(calls, ['m-1 a', 'm-2 b', 'm-1 a']);
  const { latest, isRunning } = await redriveState(flow.redriving);
  assert.deepEqual([latest?.result?.text, isRunning], ['1 sent again, 1 left', false]);
});

test('a redrive keeps the order of a key', async (t) => {
  let isMended = false;
  const again: string[] = [];
  const flow = await place(
    t,
    ({ id }) => {
      if (isMended) again.push(id);
      return isMended ? done : failed('no');
    },
    { isOrdered: true },
  );
  for (const id of ['c', 'b', 'a']) {
    await flow.publish({}, { messageId: id, headers: { [HEADER.key]: 'k' } });
    await flow.settled(id);
  }
  isMended = true;
  assert.equal((await flow.redrive()).sent, 3);
  for (const id of ['c', 'b', 'a']) await flow.settled(id, 1);
  assert.deepEqual(again, ['c', 'b', 'a']);
});

test('a redrive stops where its canaries fail, and leaves the others as they are', async (t) => {
  const flow = await place(t, () => failed('still no'));
  for (const id of ['m-1', 'm-2', 'm-3']) {
    await flow.publish({}, { messageId: id });
    await flow.settled(id);
  }
  const report = await flow.redrive({ canary: { count: 1, timeoutMs: 60_000 } });
  assert.deepEqual(report.canary, {
    passed: false,
    outcomes: [{ id: 'm-1', outcome: 'permanent' }],
  });
  assert.equal(report.sent, 1);
  const waiting = (await flow.list()).failures.map(({ id, generation }) => `${id} ${generation}`);
  assert.deepEqual(waiting, ['m-2 0', 'm-3 0', 'm-1 1']);
});

test('another body under the id of a task is not redriven: it would end in the same way', async (t) => {
  const flow = await place(t, () => done);
  await flow.publish({ n: 1 }, { messageId: 'm-1' });
  await flow.settled('m-1');
  await flow.publish({ n: 2 }, { messageId: 'm-1' });
  await flow.take(flow.deadLetters);
  await eventually('it is settled', async () => assert.equal((await flow.list()).waiting, 1));
  const { sent, withheld } = await flow.redrive();
  assert.deepEqual([sent, withheld], [0, { count: 1, some: ['m-1'] }]);
});

test('what is dropped lets its message go, waits no longer, and its letter is taken out of the queue', async (t) => {
  const flow = await place(t, () => failed('no'));
  await flow.publish({}, { messageId: 'm-1' });
  await flow.publish({}, { messageId: 'm-2' });
  await flow.settled('m-1');
  await flow.settled('m-2');
  const choice = { ids: ['m-1'], filters: {}, limit: Infinity, maxRedrives: 3, asOf: Date.now() };
  const dropped = await dropTasks(flow.failures, flow.own, choice);
  assert.deepEqual(dropped, [{ id: 'm-1', class: 'permanent' }]);
  const claim = await flow.settled('m-1');
  assert.deepEqual([claim.gone?.as, claim.message], ['dropped', null]);
  assert.equal(await clearLetters(flow.config, flow.worker, flow.own, 'Sample'), 1);
  const letter = await flow.take(flow.deadLetters);
  assert.equal(letter.properties.headers?.[HEADER.item], 'Sample/m-2~0');
});

test('a worker that has started is told of at once, however seldom its process beats', async (t) => {
  const ops = { ...DEFAULTS.ops, workerHeartbeatInterval: 600 };
  const flow = await place(t, () => done, {}, { ops });
  await eventually('it has reached its broker', async () => {
    const [source] = (await listProcesses(flow.own))[0]?.sources ?? [];
    assert.deepEqual([source?.name, source?.closedBy], ['Sample', null]);
  });
});

test('a worker that is paused takes nothing, and its process says why', async (t) => {
  const flow = await place(t, () => done);
  const store = { control: flow.control, actions: flow.actions, own: flow.own };
  const of = { ...ANA, worker: 'Sample' };
  const { pause, isKnown } = await pauseIntake(store, { ...of, reason: 'the provider is down' });
  assert.deepEqual([pause?.reason, isKnown], ['the provider is down', true]);
  const isClosed = (by: string | undefined) =>
    eventually(`it is ${by ?? 'open'}`, () =>
      assert.equal(flow.running.closedBy()['Sample']?.paused, by),
    );
  await isClosed('the provider is down (ana)');
  await flow.publish({}, { messageId: 'm-1' });
  await eventually('the process has said so', async () => {
    const [source] = (await listProcesses(flow.own))[0]?.sources ?? [];
    assert.deepEqual(
      [source?.name, source?.closedBy],
      ['Sample', 'paused: the provider is down (ana)'],
    );
  });
  const counts = async () => {
    const processes = await listProcesses(flow.own);
    const now = await serverTime(flow.mongo.db);
    return readWorkers(flow.config, flow.own, await flow.control.read(), processes, now);
  };
  const [paused] = await counts();
  assert.deepEqual(
    [paused?.worker, paused?.waiting, paused?.open, paused?.paused?.by, paused?.processes],
    ['Sample', { ok: true, value: 1 }, 0, 'ana', 1],
  );
  const { was, still } = await resumeIntake(store, of);
  assert.deepEqual([was?.by, still], ['ana', null]);
  await flow.settled('m-1');
  const [resumed] = await counts();
  assert.deepEqual(
    [resumed?.waiting, resumed?.open, resumed?.dead],
    [{ ok: true, value: 0 }, 0, 0],
  );
});

test('tasks of a run that was terminated go on in another one, with their attempts', async (t) => {
  let isMended = false;
  const attempts: number[] = [];
  const flow = await place(
    t,
    ({ attempt }) => {
      attempts.push(attempt);
      return isMended ? done : { kind: 'again', reason: 'no', class: 'Error', retryAfter: null };
    },
    { retry: { max: 3, kind: 'fixed', initial: 3_600_000 } },
  );
  await flow.publish({ n: 1 }, { messageId: 'm-1' });
  const claim = await eventually('its first attempt is recorded', async () => {
    const found = await flow.claims.collection.findOne({ attempts: 1 });
    assert.ok(found);
    return found;
  });
  isMended = true;
  const needs = taskSweepNeeds({
    ...flow,
    config: { ...flow.config, sweeper: { ...flow.config.sweeper, olderThan: 0 } },
  });
  assert.deepEqual((await sweepTasks(needs)).started, []);
  await flow.client.workflow.getHandle(claim.workflowId).terminate('by a test');
  const started = await eventually('it is found', async () => {
    const found = await sweepTasks(needs);
    assert.equal(found.started.length, 1);
    return found.started;
  });
  const settled = await flow.settled('m-1');
  assert.deepEqual([settled.outcome?.kind, settled.workflowId], ['done', started[0]]);
  assert.deepEqual(attempts, [1, 2]);
});

test('what a run brought that was ended before it had claimed anything is handled by another one', async (t) => {
  const flow = await place(t, () => done);
  const body = Buffer.from('{"n":1}');
  const task: NewTask = {
    ...{ id: 'm-1', label: 'm-1', key: null, bodyHash: bodyHashOf(body), failedGeneration: null },
    message: { body: body.toString('base64'), properties: '' },
    receivedAt: Date.now(),
    origin: { broker: 'rabbitmq', queue: flow.worker.from.name, exchange: '', routingKey: '' },
  };
  const ended = `tasks/Sample/${uniqueName()}`;
  const needs: TaskSweepNeeds = {
    ...taskSweepNeeds(flow),
    endedRuns: () => Promise.resolve([ended]),
    runStates: (ids) =>
      Promise.resolve(new Map(ids.map((id) => [id, id === ended ? 'closed' : 'unknown']))),
    broughtBy: () => Promise.resolve({ items: [task] }),
  };
  assert.deepEqual((await sweepTasks(needs)).started, [`${ended}/again`]);
  assert.equal((await flow.settled('m-1')).workflowId, `${ended}/again`);
  assert.deepEqual((await sweepTasks(needs)).started, []);
});

test('what a redrive has taken is not told as dropped', async (t) => {
  const flow = await place(t, () => failed('no'));
  for (const id of ['m-1', 'm-2']) {
    await flow.publish({ id }, { messageId: id });
    await flow.settled(id);
  }
  const [first, second] = ['Sample/m-1~0', 'Sample/m-2~0'];
  assert.ok(first !== undefined && second !== undefined);
  await flow.claims.leave([first], 'redriven');
  assert.deepEqual([...(await flow.claims.leave([first, second], 'dropped'))], [second]);
});

test('what may pass by itself is redriven after its rest, and not what a person has to mend', async (t) => {
  let isMended = false;
  const flow = await place(
    t,
    ({ id }) =>
      isMended || id === 'm-1'
        ? done
        : id === 'm-2'
          ? failed('no')
          : { kind: 'again', reason: 'away', class: 'Error', retryAfter: null },
    { retry: { max: 0, kind: 'fixed', initial: 0 } },
  );
  for (const id of ['m-1', 'm-2', 'm-3']) {
    await flow.publish({}, { messageId: id });
    await flow.settled(id);
  }
  isMended = true;
  assert.equal(await redriveByItself(flow), null);
  const longAgo = new Date(Date.now() - 11 * 60_000);
  await flow.claims.collection.updateMany({}, { $set: { 'outcome.at': longAgo } });
  const ended = (minutes: number) => {
    const at = new Date(Date.now() - minutes * 60_000);
    return {
      ...{ _id: uniqueName(), at, ...ANA, what: redriveWord('Sample'), on: null },
      result: { at, isDone: false, text: '', isStoppedByCanaries: true },
    };
  };
  // In vain twice, by whichever processes: the next rest is forty minutes.
  await flow.actions.collection.insertMany([ended(60), ended(30)]);
  assert.equal(await redriveByItself(flow), null);
  const before = new Date(Date.now() - 41 * 60_000);
  await flow.actions.collection.updateMany({}, { $set: { 'result.at': before } });
  const begun = await redriveByItself(flow);
  const report = await begun?.report;
  assert.deepEqual([report?.sent, report?.canary?.passed], [1, true]);
  assert.equal((await flow.settled('m-3', 1)).outcome?.kind, 'done');
  assert.deepEqual(
    (await flow.list()).failures.map(({ id }) => id),
    ['m-2'],
  );
});
