/**
 * The run that carries 1..K registrations from claim to settlement. It only drives the state machine of
 * src/domain/registrations/batch.ts: take the steps that are due, give each to an activity that the loop does not wait for, apply
 * the answers, sleep until the next step is due. K = 1 is no special case.
 */
import {
  ActivityFailure,
  CancellationScope,
  CancelledFailure,
  TimeoutFailure,
  allHandlersFinished,
  condition,
  continueAsNew,
  setHandler,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import {
  afterNoAnswer,
  backWhenCancelled,
  whenCancelled,
} from '../../src/domain/registrations/without-answer.ts';
import type { NoAnswer } from '../../src/domain/registrations/without-answer.ts';
import {
  began,
  dueSteps,
  newBatch,
  replace,
  wakeAt,
  withPlan,
} from '../../src/domain/registrations/batch.ts';
import type { Batch, Item, Rules, Step } from '../../src/domain/registrations/batch.ts';
import { localAttempts } from '../local-attempts.ts';
import { perform } from './steps.ts';
import type { Answered } from './steps.ts';
import { handleResolutions } from './resolve.ts';
import { describeRun, queryRegistrations, viewOf } from './view.ts';
import type { RunInput } from '../../src/domain/registrations/run-input.ts';

/** Settles every registration of its input and returns how many ended in which way. */
export function registrations(input: RunInput): Promise<Batch['settled']> {
  // Cancelling a run must not reach what settles it, so nothing belongs to the scope that is cancelled.
  const { cancelRequested } = CancellationScope.current();
  return CancellationScope.nonCancellable(() => drive(input, cancelRequested));
}

async function drive(input: RunInput, cancelRequested: Promise<never>): Promise<Batch['settled']> {
  let { rules } = input;
  const legacyLane = new CancellationScope({ cancellable: true });
  const settleLane = new CancellationScope({ cancellable: true });
  let batch = input.carried ?? newBatch(input.registrations, Date.now());
  const attempts = localAttempts(rules);
  let inFlight = 0;
  let changed = true;
  let alarms: { at: number; scope: CancellationScope }[] = []; // one, or none

  const update = (next: Batch): void => {
    batch = next;
    changed = true;
  };
  setHandler(queryRegistrations, () => viewOf(batch));
  handleResolutions(
    () => batch,
    rules,
    (item) => update(replace(batch, new Map([[item.index, item]]))),
  );
  cancelRequested.catch(() => {
    const items = batch.items.map((item) => whenCancelled(item, Date.now(), false));
    update({ ...batch, items, cancelling: true });
    legacyLane.cancel();
  });

  while (batch.items.length > 0 && !isTimeToContinueAsNew(batch, rules)) {
    for (const step of dueSteps(batch, rules, Date.now())) start(step);
    describeRun(batch);
    setAlarm(wakeAt(batch));
    changed = false;
    await condition(() => changed && attempts.areOver());
  }
  for (const { scope } of alarms) scope.cancel();
  if (batch.items.length > 0) {
    legacyLane.cancel();
    settleLane.cancel();
  }
  await condition(() => inFlight === 0 && allHandlersFinished());
  if (batch.items.length === 0) return batch.settled;
  return continueAsNew<typeof registrations>({ rules, registrations: [], carried: batch });

  function start(step: Step): void {
    const isLegacys = step.kind === 'submit' || step.kind === 'poll' || step.kind === 'lookUp';
    const lane = isLegacys ? legacyLane : settleLane;
    batch = began(batch, step);
    inFlight += 1;
    void lane
      .run(() => perform(step, rules, attempts))
      .then(
        (answered) => apply(step, answered),
        (error: unknown) => apply(step, unanswered(step, rules, error)),
      )
      .finally(() => (inFlight -= 1));
  }

  function apply(step: Step, answered: Answered): void {
    if (answered.plan !== undefined) rules = withPlan(rules, answered.plan);
    const settled = { ...batch.settled };
    for (const kind of answered.left) settled[kind] = (settled[kind] ?? 0) + 1;
    const items = new Map([...answered.items].map(([index, item]) => [index, stopIfAsked(item)]));
    update({ ...replace(batch, items), settled });

    function stopIfAsked(item: Item | null): Item | null {
      if (item === null || !batch.cancelling) return item;
      const isGivenUp = rules.cancelReadsJournal === true && answered.unanswered.has(item.index);
      return backWhenCancelled(item, step.kind, !isGivenUp, Date.now());
    }
  }

  /** One timer at a time, replaced only by an earlier one: a timer that is cancelled costs two events for nothing. */
  function setAlarm(at: number | null): void {
    if (at === null || alarms.some((alarm) => alarm.at <= at)) return;
    for (const { scope } of alarms) scope.cancel();
    const scope = new CancellationScope({ cancellable: true });
    const mine = { at, scope };
    alarms = [mine];
    void scope
      .run(() => sleep(Math.max(at - Date.now(), 1), { summary: 'until the next step is due' }))
      .catch(ignoreCancellation)
      .finally(() => {
        if (!alarms.includes(mine)) return;
        alarms = [];
        changed = true;
      });
  }
}

/**
 * A run goes on with a fresh history when its own is long, and when nothing is left but registrations in doubt that
 * wait for a person, perhaps for weeks. Not while it is being cancelled: that ends by itself.
 */
function isTimeToContinueAsNew(batch: Batch, rules: Rules): boolean {
  if (batch.cancelling) return false;
  const { historyLength, continueAsNewSuggested } = workflowInfo();
  if (continueAsNewSuggested || historyLength > rules.maxHistoryEvents) return true;
  const onlyDoubts = batch.items.every(
    (item) => item.phase === 'doubt' && item.dueAt === null && !item.busy,
  );
  return onlyDoubts && Object.keys(batch.settled).length > 0 && historyLength > 100;
}

function unanswered(step: Step, rules: Rules, error: unknown): Answered {
  if (!(error instanceof ActivityFailure) && !(error instanceof CancelledFailure)) throw error;
  const why = whyUnanswered(error, rules);
  const now = Date.now();
  const items = step.items.map((item): [number, Item] => [
    item.index,
    afterNoAnswer(item, why, rules, now),
  ]);
  return {
    items: new Map(items),
    left: [],
    unanswered: new Set(step.items.map(({ index }) => index)),
  };
}

function whyUnanswered(error: ActivityFailure | CancelledFailure, rules: Rules): NoAnswer {
  const cause = error instanceof ActivityFailure ? error.cause : error;
  if (cause instanceof CancelledFailure) return 'cancelled';
  // An attempt that fails, or dies, before it hears of its cancellation is handed back with its own failure.
  const retryState = error instanceof ActivityFailure ? error.retryState : undefined;
  if (retryState === 'CANCEL_REQUESTED' && rules.cancelReadsJournal === true) return 'cancelled';
  // When no further attempt fits into scheduleToClose, the server hands back the failure of the last one.
  return retryState === 'TIMEOUT' || cause instanceof TimeoutFailure ? 'timeout' : 'error';
}

function ignoreCancellation(error: unknown): void {
  if (!(error instanceof CancelledFailure)) throw error;
}
