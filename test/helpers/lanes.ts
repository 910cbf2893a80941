/** A lane with handlers that a test scripts. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Context } from '@temporalio/activity';
import type { Client, WorkflowHandle } from '@temporalio/client';
import { Worker, type NativeConnection } from '@temporalio/worker';
import type { HandleRequest } from '../../activities/tasks/handle.ts';
import { laneId } from '../../src/domain/lanes.ts';
import { TASKS_TYPE, handleQueue } from '../../src/domain/names.ts';
import type { HandleAnswer, NewTask, TaskRules } from '../../src/domain/tasks.ts';
import { WORKFLOW_BUNDLE } from '../../src/temporal/bundle-workflows.ts';
import { startRun } from '../../src/temporal/client.ts';
import type { tasks } from '../../workflows/tasks.ts';
import { eventually } from './eventually.ts';

const rules: TaskRules = {
  ...{ worker: 'Sample', retry: { max: 3, kind: 'exponential', initial: 1_000 }, pause: 1_000 },
  // The time-skipping server counts no local activity as work.
  ...{ localFirst: false, handlesLocally: false, maxHistoryEvents: 2_000 },
};

/** `a1` has the key `a`. */
const taskOf = (id: string): NewTask => ({
  ...{ id, label: id, key: id.slice(0, 1), chain: id.slice(0, 1), bodyHash: 'h', receivedAt: 0 },
  message: { body: '', properties: '' },
  failedGeneration: null,
  origin: { broker: 'rabbitmq', queue: 'q', exchange: '', routingKey: 'q' },
});

export interface Lane {
  /** `a1` for each call, and `✝a1` where it was buried, in their order. */
  story: string[];
  /** The whole seconds between its calls. */
  restsOf: (id: string) => number[];
  handOver: (ids: string[], more?: Partial<TaskRules>) => ReturnType<typeof startRun>;
  /** Until they are taken. */
  insist: (ids: string[], more?: Partial<TaskRules>) => Promise<void>;
  run: WorkflowHandle<typeof tasks>;
}

/** Without its index. */
export interface Answer {
  kind: HandleAnswer['kind'];
  failure?: string;
  retryAfter?: number | null;
}
export type Handle = (
  id: string,
  attempt: number,
  cancelled: AbortSignal,
) => Answer | Promise<Answer>;

export const done: Answer = { kind: 'done' };
export const again = (retryAfter: number | null = null): Answer => ({
  ...{ kind: 'again', failure: 'exhausted', retryAfter },
});

/** Where it runs: a server that skips time, or one that does not. */
interface Place {
  nativeConnection: NativeConnection;
  client: Client;
  namespace?: string | undefined;
  /** Epoch ms. */
  now(): Promise<number> | number;
}

/** A lane whose claims are all free and whose handlers are scripted, while `use` has it. */
export async function withLane(
  place: Place,
  handle: Handle,
  use: (lane: Lane) => Promise<void>,
): Promise<void> {
  const taskQueue = randomUUID();
  const workflowId = laneId(taskQueue, 1);
  const story: string[] = [];
  const calls: { id: string; at: number }[] = [];
  const settled = (requests: { index: number }[]) =>
    Promise.resolve(requests.map(({ index }) => ({ index, kind: 'settled' })));
  const common = {
    connection: place.nativeConnection,
    namespace: place.namespace ?? 'default',
    maxHeartbeatThrottleInterval: '1s',
  } as const;
  const runs = await Worker.create({
    ...common,
    taskQueue,
    workflowBundle: { code: readFileSync(WORKFLOW_BUNDLE, 'utf8') },
    activities: {
      claimTasks: (requests: (NewTask & { index: number })[]) =>
        Promise.resolve(
          requests.map(({ index, id }) => ({ index, kind: 'claimed', claim: id, attempts: 0 })),
        ),
      publishTasks: settled,
      buryTasks: (requests: { index: number; claim: string }[]) => {
        story.push(...requests.map(({ claim }) => `✝${claim}`));
        return settled(requests);
      },
    },
  });
  const handlers = await Worker.create({
    ...common,
    taskQueue: handleQueue(taskQueue),
    activities: {
      async handleTasks(requests: HandleRequest[]) {
        const at = await place.now();
        const context = Context.current();
        const beat = setInterval(() => context.heartbeat(), 1_000);
        return Promise.all(
          requests.map(async ({ index, claim: id, attempt }) => {
            story.push(id);
            calls.push({ id, at });
            return { index, ...(await handle(id, attempt, context.cancellationSignal)) };
          }),
        ).finally(() => clearInterval(beat));
      },
    },
  });
  const handOver: Lane['handOver'] = (ids, more = {}) =>
    startRun(place.client, {
      ...{ type: TASKS_TYPE, workflowId, taskQueue, labels: [], nouns: ['task', 'tasks'] },
      input: { rules: { ...rules, ...more }, items: ids.map(taskOf), carried: null },
      isLane: true,
    });
  const lane: Lane = {
    story,
    restsOf(id) {
      const times = calls.filter((each) => each.id === id).map(({ at }) => at);
      return times.slice(1).map((at, n) => Math.floor((at - (times[n] ?? 0)) / 1_000));
    },
    handOver,
    insist: (ids, more) =>
      eventually(`${ids.join()} are taken`, async () =>
        assert.equal(await handOver(ids, more), 'started'),
      ),
    run: place.client.workflow.getHandle<typeof tasks>(workflowId),
  };
  await runs.runUntil(() => handlers.runUntil(() => use(lane)));
}
