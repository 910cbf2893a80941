// That the driver of runs (workflows/run.ts) is general: another flow than registrations, with activities of its own.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Context } from '@temporalio/activity';
import type { WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { Worker, bundleWorkflowCode } from '@temporalio/worker';
import { eventually } from '../helpers/eventually.ts';
import { createTimeSkipping, historyOf } from '../helpers/workflow-env.ts';
import type { HandleAnswer, TaskActivities, TaskInput, tasks } from './second-flow.ts';

let env: TestWorkflowEnvironment;
let code: string;
before(async () => {
  env = await createTimeSkipping();
  const workflowsPath = fileURLToPath(new URL('second-flow.js', import.meta.url));
  const silent = { log() {}, trace() {}, debug() {}, info() {}, warn() {}, error() {} };
  ({ code } = await bundleWorkflowCode({ workflowsPath, logger: silent }));
});
after(async () => {
  await env.teardown();
});

type Numbered = { index: number }[];
const settled = (items: Numbered) =>
  Promise.resolve(items.map(({ index }) => ({ index, kind: 'settled' as const })));
const done = (index: number): HandleAnswer => ({ index, kind: 'done', output: `of ${index}` });

/** Everything is claimed, done and published; `done` keeps what was called with which items. */
function willing(calls: string[]): TaskActivities {
  const note = (name: string, items: Numbered) =>
    calls.push(`${name} ${items.map(({ index }) => index).join()}`);
  return {
    claimTasks: (items) => {
      note('claim', items);
      return Promise.resolve(items.map(({ index }) => ({ index, kind: 'claimed' })));
    },
    handle: (items) => {
      note('handle', items);
      return Promise.resolve(items.map(({ index }) => done(index)));
    },
    publish: (items) => {
      note('publish', items);
      return settled(items);
    },
    bury: (items) => {
      calls.push(...items.map(({ index, reason }) => `bury ${index}: ${reason}`));
      return settled(items);
    },
  };
}

const workerOf = (taskQueue: string, activities: TaskActivities, maxCachedWorkflows = 100) =>
  Worker.create({
    connection: env.nativeConnection,
    namespace: env.namespace ?? 'default',
    ...{ taskQueue, activities, maxCachedWorkflows, workflowBundle: { code } },
    maxHeartbeatThrottleInterval: '1s',
  });

const start = (taskQueue: string, count: number, maxHistoryEvents = 2_000) => {
  const input: TaskInput = {
    ...{ carried: null, maxHistoryEvents },
    ids: Array.from({ length: count }, (_, n) => `t-${n}`),
  };
  const options = { args: [input] as [TaskInput], taskQueue, workflowId: `tasks/${taskQueue}` };
  return env.client.workflow.start<typeof tasks>('tasks', options);
};

type TaskRun = WorkflowHandle<typeof tasks>;

async function withTasks<T>(
  { count, maxHistoryEvents }: { count: number; maxHistoryEvents?: number },
  activities: TaskActivities,
  use: (run: TaskRun) => Promise<T>,
): Promise<T> {
  const taskQueue = randomUUID();
  const worker = await workerOf(taskQueue, activities);
  return worker.runUntil(async () => use(await start(taskQueue, count, maxHistoryEvents)));
}

test('each is claimed, handled and published once, all in one step of each kind', async () => {
  const calls: string[] = [];
  const activities: TaskActivities = {
    ...willing(calls),
    claimTasks: async (items) =>
      (await willing(calls).claimTasks(items)).map((answer) =>
        answer.index === 1 ? { index: 1, kind: 'duplicate' } : answer,
      ),
  };
  const result = await withTasks({ count: 4 }, activities, (run) => run.result());
  assert.deepEqual(result, { done: 3, duplicate: 1 });
  assert.deepEqual(calls, ['claim 0,1,2,3', 'handle 0,2,3', 'publish 0,2,3']);
});

test('what failed is handled again after its rest, those of one time together, and is given up in the end', async () => {
  const calls: string[] = [];
  const times: number[] = [];
  const activities: TaskActivities = {
    ...willing(calls),
    handle: async (items) => {
      times.push(await env.currentTimeMs());
      await willing(calls).handle(items);
      return items.map(({ index }) => (index === 0 ? done(0) : { index, kind: 'again' }));
    },
  };
  const result = await withTasks({ count: 3 }, activities, (run) => run.result());
  assert.deepEqual(result, { done: 1, buried: 2 });
  const handled = calls.filter((each) => each.startsWith('handle'));
  assert.deepEqual(handled, ['handle 0,1,2', 'handle 1,2', 'handle 1,2', 'handle 1,2']);
  const rests = times.slice(1).map((at, n) => Math.round((at - (times[n] ?? 0)) / 1_000));
  assert.deepEqual(rests, [1, 2, 4]);
  assert.deepEqual(calls.slice(-2), ['bury 1: out of attempts', 'bury 2: out of attempts']);
});

test('a run with a long history continues as new, with what is open and what was counted', async () => {
  const calls: string[] = [];
  let handled = 0;
  const activities: TaskActivities = {
    ...willing(calls),
    handle: (items) => {
      handled += 1;
      return Promise.resolve(
        items.map(({ index }) =>
          index < handled
            ? done(index)
            : { index, kind: handled < 4 ? 'again' : 'permanent', reason: 'no' },
        ),
      );
    },
  };
  const given = { count: 5, maxHistoryEvents: 20 };
  const { result, isSame, events } = await withTasks(given, activities, async (run) => {
    const first = await run.describe();
    const ended = await run.result();
    const latest = await env.client.workflow.getHandle(run.workflowId).describe();
    return { result: ended, isSame: latest.runId === first.runId, events: latest.historyLength };
  });
  assert.deepEqual(result, { done: 4, buried: 1 });
  assert.equal(isSame, false);
  assert.ok(events < 40, String(events));
});

test('cancelling a run takes back every step of its group, and lets those that settle it end', async () => {
  const calls: string[] = [];
  const taken: string[] = [];
  let isOpen = false;
  const activities: TaskActivities = {
    ...willing(calls),
    // The first call answers for 0, and has 1 go on by itself; both that follow last until they are taken back.
    handle: async (items) => {
      const indexes = items.map(({ index }) => index).join();
      if (items.length === 3) return [done(0), { index: 1, kind: 'again' }];
      const beat = setInterval(() => Context.current().heartbeat(), 100);
      try {
        return await Context.current().cancelled;
      } finally {
        clearInterval(beat);
        taken.push(indexes);
      }
    },
    publish: (items) => {
      if (!isOpen) return Promise.reject(ApplicationFailure.create({ message: 'full' }));
      return willing(calls).publish(items);
    },
  };
  const result = await withTasks({ count: 3 }, activities, async (run) => {
    await eventually('two calls are under way', async () => {
      const { raw } = await run.describe();
      const open = raw.pendingActivities?.filter(
        ({ activityType }) => activityType?.name === 'handle',
      );
      assert.equal(open?.length, 2);
    });
    await run.cancel();
    await eventually('both were taken back', () => assert.deepEqual(taken.sort(), ['1', '2']));
    isOpen = true;
    return run.result();
  });
  assert.deepEqual(result, { done: 1, buried: 2 });
  assert.deepEqual(calls.slice().sort().slice(0, 2), ['bury 1: cancelled', 'bury 2: cancelled']);
});

test('a step that fails for good ends what only it can end, and is tried again where the flow says so', async () => {
  const calls: string[] = [];
  let published = 0;
  const activities: TaskActivities = {
    ...willing(calls),
    handle: (items) =>
      items.length === 2
        ? Promise.resolve([done(0)])
        : Promise.reject(ApplicationFailure.nonRetryable('a fault of ours')),
    publish: (items) => {
      published += 1;
      if (published === 1) return Promise.reject(ApplicationFailure.nonRetryable('once'));
      return willing(calls).publish(items);
    },
  };
  const result = await withTasks({ count: 2 }, activities, (run) => run.result());
  assert.deepEqual(result, { done: 1, buried: 1 });
  assert.ok(calls.includes('bury 1: failed for good'));
  assert.deepEqual(published, 2);
});

test('a run goes on with another worker from where it was, and its history replays', async () => {
  const calls: string[] = [];
  const taskQueue = randomUUID();
  let isCrashed = false;
  const activities: TaskActivities = {
    ...willing(calls),
    handle: (items) => {
      calls.push(`handle ${items.length}`);
      if (isCrashed) return Promise.resolve(items.map(({ index }) => done(index)));
      return Context.current().cancelled;
    },
  };
  const first = await workerOf(taskQueue, activities, 0);
  const run = await first.runUntil(async () => {
    const begun = await start(taskQueue, 2);
    await eventually('it is being handled', () => assert.equal(calls.at(-1), 'handle 2'));
    return begun;
  });
  isCrashed = true;
  const second = await workerOf(taskQueue, activities, 0);
  assert.deepEqual(await second.runUntil(run.result()), { done: 2 });
  assert.deepEqual(calls, ['claim 0,1', 'handle 2', 'handle 2', 'publish 0,1']);
  assert.ok((await historyOf(run)).length < 40);
  const history = await run.fetchHistory();
  await Worker.runReplayHistory({ workflowBundle: { code } }, history);
});
