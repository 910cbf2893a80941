/** Runs of the workflow on Temporal's time-skipping server, with activities that a test scripts. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import type { WorkflowHandle } from '@temporalio/client';
import type { Activities } from '../../activities/registrations/create.ts';
import { WORKFLOW_BUNDLE } from '../../src/temporal/bundle-workflows.ts';
import type { SubmitAnswer } from '../../src/domain/registrations/answers.ts';
import type { NewRegistration } from '../../src/domain/registrations/item.ts';
import type { Rules } from '../../src/domain/registrations/rules.ts';
import { ATTRIBUTE_IDS, ATTRIBUTE_OUTCOMES, WORKFLOW_TYPE } from '../../src/domain/names.ts';
import type { registrations } from '../../workflows/registrations/registrations.ts';
import type { RunInput } from '../../src/domain/registrations/run-input.ts';

export const rules: Rules = {
  deadline: 3_600_000,
  maxOpen: 7 * 24 * 3_600_000,
  onUnknown: 'ask',
  plan: {
    offsets: [11_250, 12_500, 13_750, 15_000, 16_250, 17_500, 18_750, 20_000],
    tail: 1_250,
    longest: 60_000,
  },
  pause: 1_000,
  rechecks: [15_000, 300_000],
  // The time-skipping server counts no local activity as work, and skips ten years while one runs.
  localFirst: false,
  maxHistoryEvents: 2_000,
};

Runtime.install({ logger: new DefaultLogger('ERROR') });

/** Core waits only 5 s for the server, and a JVM on a busy machine may need longer: only this is tried again. */
export async function createTimeSkipping(): Promise<TestWorkflowEnvironment> {
  const path = process.env['TEMPORAL_TEST_SERVER'];
  if (path === undefined)
    throw new Error('TEMPORAL_TEST_SERVER is not set: run the tests by "npm test"');
  for (let attempt = 1; ; attempt++) {
    try {
      const env = await TestWorkflowEnvironment.createTimeSkipping({
        server: { executable: { type: 'existing-path', path } },
      });
      await env.client.connection.operatorService.addSearchAttributes({
        namespace: env.namespace ?? 'default',
        searchAttributes: { [ATTRIBUTE_IDS]: 7, [ATTRIBUTE_OUTCOMES]: 7 },
      });
      return env;
    } catch (error) {
      if (attempt === 12) throw error;
    }
  }
}

export const registrationsOf = (count: number): NewRegistration[] =>
  Array.from({ length: count }, (_, index) => ({
    id: `r-${index}`,
    label: `r-${index}`,
    bodyHash: `hash-${index}`,
    message: { body: Buffer.from(`{"id":"r-${index}"}`).toString('base64'), properties: '' },
    receivedAt: 0,
    failedGeneration: null,
  }));

/** Accepts everything, each one `ms` earlier than the one before it by index. */
export const acceptedApart =
  (ms: number): Activities['submit'] =>
  (items) =>
    Promise.resolve(
      items.map(({ index }) => ({
        index,
        kind: 'accepted',
        requestId: `REQ-${index}`,
        at: Date.now() - index * ms,
      })),
    );

/** A legacy system and a store that say yes to everything; a test replaces what it is about. */
export function willing(calls: Calls): Omit<Activities, 'submit'> & {
  submit: (...given: Parameters<Activities['submit']>) => Promise<SubmitAnswer[]>;
} {
  return {
    claim: (items) => {
      calls.claimed.push(items.length);
      return Promise.resolve(
        items.map(({ index, id }) => ({
          index,
          kind: 'claimed',
          claim: `${id}~0`,
          entry: `${id}~0#1`,
        })),
      );
    },
    submit: (items) => {
      calls.submitted.push(...items.map(({ entry }) => entry));
      return Promise.resolve(
        items.map(({ index }) => ({ index, kind: 'accepted', requestId: `REQ-${index}`, at: 0 })),
      );
    },
    recheck: (items) =>
      Promise.resolve(items.map(({ index }) => ({ index, kind: 'unknown', reason: 'lost' }))),
    lookUp: (items) =>
      Promise.resolve(items.map(({ index }) => ({ index, kind: 'unknown', reason: 'lost' }))),
    resolve: ({ index, action, requestId, reason }) =>
      Promise.resolve(
        action === 'confirm'
          ? { index, kind: 'accepted', requestId: requestId ?? '', at: 0 }
          : action === 'resubmit'
            ? { index, kind: 'resubmit' }
            : { index, kind: 'abandoned', reason },
      ),
    poll: (items) => {
      calls.polled.push(items.length);
      return Promise.resolve(items.map(({ index }) => ({ index, kind: 'done' })));
    },
    persist: (items) => {
      calls.persisted.push(...items.map(({ id }) => id));
      return Promise.resolve(items.map(({ index }) => ({ index, kind: 'settled' })));
    },
    route: (items) => {
      calls.routed.push(
        ...items.map(({ id, outcome, requestId, doubt }) => ({
          id,
          kind: outcome.kind,
          reason: outcome.reason,
          requestId,
          doubt,
        })),
      );
      return Promise.resolve(items.map(({ index }) => ({ index, kind: 'settled' })));
    },
  };
}

export const newCalls = () => ({
  claimed: [] as number[],
  submitted: [] as string[],
  polled: [] as number[],
  persisted: [] as string[],
  routed: [] as {
    id: string;
    kind: string;
    reason: string | undefined;
    requestId: string | null;
    doubt: boolean;
  }[],
});
export type Calls = ReturnType<typeof newCalls>;

export type Run = WorkflowHandle<typeof registrations>;

/** Runs a workflow with these activities while `use` has its handle. */
export async function withRun<T>(
  env: TestWorkflowEnvironment,
  activities: Activities,
  input: Partial<RunInput> & { count?: number },
  use: (handle: Run) => Promise<T>,
): Promise<T> {
  const taskQueue = randomUUID();
  const worker = await Worker.create({
    connection: env.nativeConnection,
    namespace: env.namespace ?? 'default',
    taskQueue,
    workflowBundle: { code: readFileSync(WORKFLOW_BUNDLE, 'utf8') },
    activities,
    maxHeartbeatThrottleInterval: '1s',
  });
  return worker.runUntil(async () => {
    const now = await env.currentTimeMs();
    const { count = 1, ...given } = input;
    const fresh = registrationsOf(count).map((each) => ({ ...each, receivedAt: now }));
    const handle = await env.client.workflow.start<typeof registrations>(WORKFLOW_TYPE, {
      args: [{ rules, registrations: fresh, carried: null, ...given }],
      taskQueue,
      workflowId: `test/${randomUUID()}`,
    });
    return use(handle);
  });
}

export async function historyOf(handle: WorkflowHandle): Promise<string[]> {
  const { events } = await handle.fetchHistory();
  return (events ?? []).map(({ eventType }) => String(eventType));
}

/**
 * How long a run took, ms, by the times in its history. The clock of the environment is no measure: between the end of a
 * run and the return of `result()` it is free to skip to timers that a closed run has left behind.
 */
export async function durationOf(handle: WorkflowHandle): Promise<number> {
  const { events } = await handle.fetchHistory();
  const times = (events ?? []).map(({ eventTime }) => Number(eventTime?.seconds ?? 0) * 1000);
  return (times.at(-1) ?? 0) - (times[0] ?? 0);
}
