/** Drives a run of any flow: gives due steps to activities, applies their answers, sleeps. domain/run.ts and the flow decide. */
import {
  ActivityFailure,
  CancellationScope,
  CancelledFailure,
  TimeoutFailure,
  allHandlersFinished,
  condition,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import * as runs from '../src/domain/run.ts';
import type { Answered, Flow, NoAnswer, Run, RunItem, Step, Taken } from '../src/domain/run.ts';
import { HEARTBEAT_TIMEOUT_MS, OWN_START_TO_CLOSE_MS } from '../src/domain/timing.ts';
import { localAttempts, type LocalAttempts } from './local-attempts.ts';

/**
 * Activities heartbeat, so that a dead worker is noticed soon. No maximumAttempts: Temporal's retry policy is the only backoff,
 * and an attempt that got any answer returns. Cancellation is waited for, so that answers of sent requests are kept.
 */
export const HEARTBEATING = {
  heartbeatTimeout: HEARTBEAT_TIMEOUT_MS,
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
} as const;

/** For MongoDB and the brokers: ours, and expected back soon. */
export const OWN = {
  ...HEARTBEATING,
  startToCloseTimeout: OWN_START_TO_CLOSE_MS,
  retry: { initialInterval: '500ms', backoffCoefficient: 2, maximumInterval: '10s' },
} as const;

/** A step, as a row of a flow's table. */
export interface Row<I extends RunItem, J extends I, Q, A extends { index: number; kind: string }> {
  takes: (item: I) => item is J;
  /** `outbound` steps are cancelled with the run; `own` ones settle it, and go on. */
  group: 'outbound' | 'own';
  request: (item: J) => Q;
  activity: (
    options: { summary: string; scheduleToCloseTimeout?: number },
    requests: Q[],
  ) => Promise<(A | Taken)[]>;
  /** One quick try inside the workflow task, for a step that may be done twice. */
  local?: (requests: Q[]) => Promise<(A | Taken)[]>;
  /** With more items it is not tried there. */
  localAtMost?: number;
  /** How long the items may be tried, ms; without it, without end. */
  timeLeft?: (items: J[], now: number) => number;
  after: (item: J, answer: A, now: number) => I | null;
}

/** A row as the driver sees it. */
interface AnyRow<I extends RunItem> {
  takes(item: I): boolean;
  group: 'outbound' | 'own';
  /** @throws ActivityFailure when the activity gave up or was cancelled without an answer */
  perform(items: I[], attempts: LocalAttempts, noun: string): Promise<Answered<I>[]>;
}

/** Makes the rows of a flow's table. */
export const rowsOf =
  <I extends RunItem>() =>
  <J extends I, Q, A extends { index: number; kind: string }>(
    row: Row<I, J, Q, A>,
  ): Row<I, J, Q, A> & AnyRow<I> => ({
    ...row,
    async perform(all, attempts, noun) {
      const items = all.filter(row.takes);
      const requests = items.map((item) => row.request(item));
      const limit = row.timeLeft?.(items, Date.now());
      const options = {
        summary: items.length === 1 ? (items[0]?.label ?? '') : `${items.length} ${noun}`,
        ...(limit === undefined ? {} : { scheduleToCloseTimeout: limit }),
      };
      const { local } = row;
      const outside = () => row.activity(options, requests);
      const isTried =
        items.length <= (row.localAtMost ?? Infinity) &&
        !items.some(({ sick }) => sick) &&
        attempts.mayBegin();
      const answers =
        isTried && local !== undefined
          ? await attempts.first(() => local(requests), outside)
          : await outside();
      return runs.answersTo(items, answers, (item, answer) => row.after(item, answer, Date.now()));
    },
  });

/** Which step of the table an item is due for. */
export const stepIn =
  <I extends RunItem, K extends string>(table: Record<K, Pick<AnyRow<I>, 'takes'>>) =>
  (item: I): K => {
    for (const kind in table) if (table[kind].takes(item)) return kind;
    throw new Error(`No step of the table takes item ${item.index}`);
  };

interface Driven<I extends RunItem, K extends string> {
  run: Run<I>;
  flow: Flow<I>;
  table: Record<K, AnyRow<I>>;
  /** What the items are called, where there are several. */
  noun: string;
  /** Whether steps are first tried inside the workflow task, where they can be. */
  localFirst: boolean;
  /** A run with more events continues as new. */
  maxHistoryEvents: number;
  /** Called once, before anything else, with how a handler sees the run, changes items of it and adds some. */
  handle?(
    run: () => Run<I>,
    change: (...items: I[]) => void,
    add: (items: readonly I[]) => void,
  ): void;
  /** Called at each turn. */
  describe?(run: Run<I>): void;
  continueAsNew(run: Run<I>): Promise<never>;
}

/** Brings every item to its end, and returns how many ended in which way. */
export function drive<I extends RunItem, K extends string>(
  driven: Driven<I, K>,
): Promise<Run<I>['settled']> {
  // Cancelling a run must not reach the steps that settle it: nothing belongs to the scope that is cancelled.
  const { cancelRequested } = CancellationScope.current();
  return CancellationScope.nonCancellable(() => turn(driven, cancelRequested));
}

async function turn<I extends RunItem, K extends string>(
  { run: given, flow, table, noun, localFirst, ...driven }: Driven<I, K>,
  cancelRequested: Promise<never>,
): Promise<Run<I>['settled']> {
  const groups = {
    outbound: new CancellationScope({ cancellable: true }),
    own: new CancellationScope({ cancellable: true }),
  };
  const attempts = localAttempts(localFirst);
  const stepOf = stepIn<I, K>(table);
  const alarm = createAlarm(() => (changed = true));
  let run = given;
  let inFlight = 0;
  let changed = true;

  const update = (next: Run<I>): void => {
    run = next;
    changed = true;
  };
  driven.handle?.(
    () => run,
    (...items) => update(runs.replace(run, new Map(items.map((item) => [item.index, item])))),
    (items) => update(runs.withMore(run, items)),
  );
  cancelRequested.catch(() => {
    update(runs.cancelled(run, flow, Date.now()));
    groups.outbound.cancel();
  });

  while (run.items.length > 0 && !isTimeToContinueAsNew(run, driven.maxHistoryEvents)) {
    for (const step of runs.dueSteps(run, stepOf, flow, Date.now())) start(step);
    driven.describe?.(run);
    alarm.set(runs.wakeAt(run, flow));
    changed = false;
    await condition(() => changed && attempts.areOver());
  }
  alarm.cancel();
  if (run.items.length > 0) {
    groups.outbound.cancel();
    groups.own.cancel();
  }
  await condition(() => inFlight === 0 && allHandlersFinished());
  return run.items.length === 0 ? run.settled : driven.continueAsNew(run);

  function start(step: Step<I, K>): void {
    const row = table[step.kind];
    run = runs.began(run, step);
    inFlight += 1;
    void groups[row.group]
      .run(() => row.perform(step.items, attempts, noun))
      .catch((error: unknown) => runs.unanswered(step, whyUnanswered(error), flow, Date.now()))
      .then((answered) => update(runs.applied(run, answered, flow, Date.now())))
      .finally(() => (inFlight -= 1));
  }
}

/** When its history is long, or all wait for a person, perhaps for weeks. Not while it is cancelled: that ends by itself. */
function isTimeToContinueAsNew(run: Run<RunItem>, maxHistoryEvents: number): boolean {
  if (run.cancelling) return false;
  const { historyLength, continueAsNewSuggested } = workflowInfo();
  if (continueAsNewSuggested || historyLength > maxHistoryEvents) return true;
  return runs.isAtRest(run) && Object.keys(run.settled).length > 0 && historyLength > 100;
}

/** One timer at a time, replaced only by an earlier one: a timer that is cancelled costs two events for nothing. */
function createAlarm(ring: () => void) {
  let alarm: { at: number; scope: CancellationScope } | null = null;
  const cancel = () => alarm?.scope.cancel();
  return {
    cancel,
    set(at: number | null): void {
      if (at === null || (alarm !== null && alarm.at <= at)) return;
      cancel();
      const mine = { at, scope: new CancellationScope({ cancellable: true }) };
      alarm = mine;
      void mine.scope
        .run(() => sleep(Math.max(at - Date.now(), 1), { summary: 'until the next step is due' }))
        .catch(ignoreCancellation)
        .finally(() => {
          if (alarm !== mine) return;
          alarm = null;
          ring();
        });
    },
  };
}

/** @throws what is no failure of an activity: a fault in our code fails the workflow task, which a deploy mends */
function whyUnanswered(error: unknown): NoAnswer {
  if (!(error instanceof ActivityFailure) && !(error instanceof CancelledFailure)) throw error;
  const cause = error instanceof ActivityFailure ? error.cause : error;
  if (cause instanceof CancelledFailure) return 'cancelled';
  // An attempt that fails, or dies, before it hears of its cancellation comes back with its own failure.
  const retryState = error instanceof ActivityFailure ? error.retryState : undefined;
  if (retryState === 'CANCEL_REQUESTED') return 'cancelled';
  // When no further attempt fits into scheduleToClose, the server returns the failure of the last one.
  return retryState === 'TIMEOUT' || cause instanceof TimeoutFailure ? 'timeout' : 'error';
}

function ignoreCancellation(error: unknown): void {
  if (!(error instanceof CancelledFailure)) throw error;
}
