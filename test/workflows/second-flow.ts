/**
 * A flow that is not registrations, as small as tasks can be, for the driver that both have in common:
 *
 *   claim ──► handle ──► publish ──► settled
 *               └ again, after its rest ┘└► bury ──► settled
 */
import { continueAsNew, proxyActivities } from '@temporalio/workflow';
import { newRun } from '../../src/domain/run.ts';
import type { Flow, Run, RunItem } from '../../src/domain/run.ts';
import { drive, rowsOf } from '../../workflows/run.ts';

interface Task extends RunItem {
  id: string;
}
interface Claiming extends Task {
  phase: 'claim';
}
interface Handling extends Task {
  phase: 'handle';
  attempts: number;
}
interface Publishing extends Task {
  phase: 'publish';
  output: string;
}
interface Burying extends Task {
  phase: 'bury';
  reason: string;
}
export type TaskItem = Claiming | Handling | Publishing | Burying;

interface Request {
  index: number;
  id: string;
}
type ClaimAnswer = { index: number; kind: 'claimed' | 'duplicate' };
export type HandleAnswer =
  | { index: number; kind: 'done'; output: string }
  | { index: number; kind: 'again' }
  | { index: number; kind: 'permanent'; reason: string };
type SettleAnswer = { index: number; kind: 'settled' };

export interface TaskActivities {
  claimTasks(requests: Request[]): Promise<ClaimAnswer[]>;
  handle(requests: Request[]): Promise<HandleAnswer[]>;
  publish(requests: (Request & { output: string })[]): Promise<SettleAnswer[]>;
  bury(requests: (Request & { reason: string })[]): Promise<SettleAnswer[]>;
}

const retry = { initialInterval: '1s', backoffCoefficient: 1 } as const;
const handlers = proxyActivities<Pick<TaskActivities, 'handle'>>({
  startToCloseTimeout: '1m',
  heartbeatTimeout: '5s',
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  retry,
});
const own = proxyActivities<Omit<TaskActivities, 'handle'>>({ startToCloseTimeout: '1m', retry });

const row = rowsOf<TaskItem>();
const REST = 1_000;
const MOST_ATTEMPTS = 4;

const bury = ({ index, id, label }: Task, reason: string, now: number): Burying => ({
  ...{ index, id, label, phase: 'bury', busy: false, sick: false, dueAt: now, reason },
});

function afterHandle(item: Handling, answer: HandleAnswer, now: number): TaskItem {
  const { index, id, label } = item;
  const known = { index, id, label, busy: false, sick: false, dueAt: now };
  switch (answer.kind) {
    case 'done':
      return { ...known, phase: 'publish', output: answer.output };
    case 'permanent':
      return bury(item, answer.reason, now);
    case 'again': {
      const attempts = item.attempts + 1;
      const dueAt = now + REST * 2 ** item.attempts;
      return attempts < MOST_ATTEMPTS
        ? { ...known, phase: 'handle', attempts, dueAt }
        : bury(item, 'out of attempts', now);
    }
  }
}

const table = {
  claim: row({
    takes: (item): item is Claiming => item.phase === 'claim',
    group: 'own',
    request: ({ index, id }) => ({ index, id }),
    activity: (options, requests) => own.claimTasks.executeWithOptions(options, [requests]),
    after: (item, answer, now) =>
      answer.kind === 'duplicate'
        ? null
        : { ...item, phase: 'handle', attempts: 0, busy: false, sick: false, dueAt: now },
  }),
  handle: row({
    takes: (item): item is Handling => item.phase === 'handle',
    group: 'outbound',
    request: ({ index, id }) => ({ index, id }),
    activity: (options, requests) => handlers.handle.executeWithOptions(options, [requests]),
    timeLeft: () => 300_000,
    after: afterHandle,
  }),
  publish: row({
    takes: (item): item is Publishing => item.phase === 'publish',
    group: 'own',
    request: ({ index, id, output }) => ({ index, id, output }),
    activity: (options, requests) => own.publish.executeWithOptions(options, [requests]),
    after: () => null,
  }),
  bury: row({
    takes: (item): item is Burying => item.phase === 'bury',
    group: 'own',
    request: ({ index, id, reason }) => ({ index, id, reason }),
    activity: (options, requests) => own.bury.executeWithOptions(options, [requests]),
    after: () => null,
  }),
};

const flow: Flow<TaskItem> = {
  comesAlong: () => 0,
  noAnswer: (item, why, now) =>
    item.phase === 'handle' && why !== 'cancelled'
      ? bury(item, why === 'timeout' ? 'timed out' : 'failed for good', now)
      : { ...item, busy: false, sick: why !== 'cancelled', dueAt: now + REST },
  whenCancelled: (item, now) => (item.phase === 'handle' ? bury(item, 'cancelled', now) : item),
  backWhenCancelled: (_before, after, _isAnswered, now) => flow.whenCancelled(after, now),
  howItLeft: (item, answer) =>
    item.phase === 'publish' ? 'done' : item.phase === 'bury' ? 'buried' : answer,
};

export interface TaskInput {
  ids: string[];
  carried: Run<TaskItem> | null;
  maxHistoryEvents: number;
}

export function tasks({
  ids,
  carried,
  maxHistoryEvents,
}: TaskInput): Promise<Run<TaskItem>['settled']> {
  const now = Date.now();
  const items = ids.map((id, index): TaskItem => ({
    ...{ index, id, label: id, phase: 'claim', busy: false, sick: false, dueAt: now },
  }));
  return drive({
    ...{ run: carried ?? newRun(items), flow, table, noun: 'tasks' },
    ...{ localFirst: false, maxHistoryEvents },
    continueAsNew: (run) =>
      continueAsNew<typeof tasks>({ ids: [], carried: run, maxHistoryEvents }),
  });
}
