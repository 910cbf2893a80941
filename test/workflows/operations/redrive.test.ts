// The workflow of a redrive, with activities that are scripted: what it does, in which order, and what it reports.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { WorkflowHandle } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { Worker } from '@temporalio/worker';
import type { RedriveActivities } from '../../../activities/operations/redrive.ts';
import { REDRIVE_TYPE } from '../../../src/domain/names.ts';
import {
  nothingFound,
  type Canary,
  type Pass,
  type RedriveInput,
  type RedriveOrder,
} from '../../../src/domain/redrive-order.ts';
import { WORKFLOW_BUNDLE } from '../../../src/temporal/bundle-workflows.ts';
import type { redrive } from '../../../workflows/operations/redrive.ts';
import { eventually } from '../../helpers/eventually.ts';
import { createTimeSkipping } from '../../helpers/workflow-env.ts';

let env: TestWorkflowEnvironment;
before(async () => {
  env = await createTimeSkipping();
});
after(async () => {
  await env.teardown();
});

const order: RedriveOrder = {
  ...{ ids: [], class: null, reason: null, olderThan: null, newerThan: null, limit: null },
  ...{ maxRedrives: 3, foreign: false, perSecond: null, canary: null },
};
const said: RedriveInput['said'] = { by: 'ana', reason: null, on: 'all' };
const pass = (changes: Partial<Pass>): Pass => ({
  isDone: false,
  ...nothingFound(0),
  ...changes,
});
const canary = (id: string): Canary => ({
  ...{ id, record: `record of ${id}`, bodyHash: 'hash', next: `${id}~1`, again: null },
});

/** Sends everything in one pass, and registers every canary; `calls` keeps what was called. */
const willing = (calls: string[]): RedriveActivities => ({
  beginRedrive: (action) => {
    calls.push(`begin ${action}`);
    return Promise.resolve();
  },
  chooseCanaries: () => Promise.resolve([canary('a'), canary('b')]),
  moveFailures: (_redriving, only) => {
    calls.push(only === null ? 'move all' : `move ${only.join()}`);
    return Promise.resolve(pass({ isDone: true }));
  },
  awaitCanaries: (_redriving, canaries) => Promise.resolve(canaries.map(() => 'registered')),
  endRedrive: (action, report) => {
    calls.push(`end ${action}`);
    return Promise.resolve({ ...report, sent: calls.filter((each) => each === 'move all').length });
  },
});

async function withRedrive<T>(
  changes: Partial<RedriveOrder>,
  activities: RedriveActivities,
  use: (run: WorkflowHandle<typeof redrive>) => Promise<T>,
): Promise<T> {
  const taskQueue = randomUUID();
  const worker = await Worker.create({
    connection: env.nativeConnection,
    namespace: env.namespace ?? 'default',
    ...{ taskQueue, activities },
    workflowBundle: { code: readFileSync(WORKFLOW_BUNDLE, 'utf8') },
    maxHeartbeatThrottleInterval: '1s',
  });
  return worker.runUntil(async () => {
    const input: RedriveInput = { order: { ...order, ...changes }, said, carried: null };
    const options = { args: [input] as [RedriveInput], taskQueue, workflowId: randomUUID() };
    return use(await env.client.workflow.start<typeof redrive>(REDRIVE_TYPE, options));
  });
}

test('a redrive of more passes than a history holds goes on in a new one: begun once, ended once, of one time', async () => {
  const calls: string[] = [];
  const times = new Set<number>();
  const activities: RedriveActivities = {
    ...willing(calls),
    moveFailures: ({ asOf }) => {
      times.add(asOf);
      calls.push('move all');
      const moved = calls.filter((each) => each === 'move all').length;
      return Promise.resolve(pass({ isDone: moved === 160, left: 160 - moved, atCap: 2 }));
    },
  };
  const { report, first, last } = await withRedrive({}, activities, async (run) => {
    const before = await run.describe();
    const ended = await run.result();
    const after = await env.client.workflow.getHandle(run.workflowId).describe();
    return { report: ended, first: before.runId, last: after.runId };
  });
  assert.notEqual(first, last, 'it continued as new');
  assert.deepEqual(
    { sent: report.sent, left: report.left, atCap: report.atCap },
    {
      ...{ sent: 160, left: 0, atCap: 2 },
    },
  );
  assert.deepEqual([calls[0], calls.at(-1)], [`begin ${first}`, `end ${first}`]);
  assert.equal(calls.length, 162);
  assert.equal(times.size, 1, 'what has failed since it began is never sent');
});

test('the canaries go first, and the others once all of them are registered', async () => {
  const calls: string[] = [];
  let asked = 0;
  const activities: RedriveActivities = {
    ...willing(calls),
    awaitCanaries: () => {
      asked += 1;
      return Promise.resolve(['registered', asked < 3 ? 'open' : 'registered']);
    },
  };
  const report = await withRedrive(
    { canary: { count: 2, timeoutMs: 600_000 } },
    activities,
    (run) => run.result(),
  );
  assert.deepEqual(calls.slice(1, -1), ['move record of a,record of b', 'move all']);
  assert.equal(asked, 3, 'it goes on asking for those that are open');
  assert.deepEqual(report.canary, {
    passed: true,
    outcomes: [
      { id: 'a', outcome: 'registered' },
      { id: 'b', outcome: 'registered' },
    ],
  });
});

test('a canary that fails ends the redrive: nothing else is sent', async () => {
  const calls: string[] = [];
  const activities: RedriveActivities = {
    ...willing(calls),
    awaitCanaries: () => Promise.resolve(['registered', 'rejected']),
  };
  const report = await withRedrive(
    { canary: { count: 2, timeoutMs: 600_000 } },
    activities,
    (run) => run.result(),
  );
  assert.equal(calls.includes('move all'), false);
  assert.equal(report.canary?.passed, false);
  assert.equal(report.isStopped, false);
});

test('a redrive that is stopped writes down its end and says so', async () => {
  const calls: string[] = [];
  const activities: RedriveActivities = {
    ...willing(calls),
    moveFailures: async () => {
      calls.push('move all');
      const { heartbeat, cancelled } = Context.current();
      const beating = setInterval(() => heartbeat(), 200);
      return cancelled.finally(() => clearInterval(beating));
    },
  };
  const report = await withRedrive({}, activities, async (run) => {
    await eventually('it sends', () => assert.ok(calls.includes('move all')));
    await run.cancel();
    return run.result();
  });
  assert.equal(report.isStopped, true);
  assert.match(calls.at(-1) ?? '', /^end /);
});

test('a redrive that cannot go on ends with the reason, after what may pass was tried again', async () => {
  const calls: string[] = [];
  const activities: RedriveActivities = {
    ...willing(calls),
    moveFailures: () => {
      calls.push('move all');
      if (calls.length === 2) throw new Error('RabbitMQ is away');
      throw ApplicationFailure.nonRetryable('the queue refuses what is larger than 1 MiB');
    },
  };
  const report = await withRedrive({}, activities, (run) => run.result());
  assert.equal(report.failure, 'the queue refuses what is larger than 1 MiB');
  assert.deepEqual(calls.slice(1, -1), ['move all', 'move all']);
});
