/** Has failures done again: some first, and the others when those have ended well. Cancelling it stops it. */
import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  continueAsNew,
  isCancellation,
  proxyActivities,
  workflowInfo,
} from '@temporalio/workflow';
import type { RedriveActivities } from '../../activities/operations/redrive.ts';
import {
  isGoodEnd,
  nothingFound,
  type CanaryReport,
  type Pass,
  type PassReport,
  type RedriveInput,
  type RedriveOrder,
  type RedriveReport,
  type Redriving,
} from '../../src/domain/redrive-order.ts';
import { HEARTBEAT_TIMEOUT_MS, REDRIVE_START_TO_CLOSE_MS } from '../../src/domain/timing.ts';

/** Cancellation is waited for: records that were sent are taken out of the queue and counted. */
const activities = proxyActivities<RedriveActivities>({
  startToCloseTimeout: REDRIVE_START_TO_CLOSE_MS,
  heartbeatTimeout: HEARTBEAT_TIMEOUT_MS,
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  retry: { initialInterval: '500ms', backoffCoefficient: 2, maximumInterval: '30s' },
});

/** A day of passes fits; then the history begins anew. */
const PASSES = 72;

const NOTHING_YET: PassReport = {
  ...nothingFound(0),
  canary: null,
  isStopped: false,
  failure: null,
};

/** Never fails: the report says why it could not go on. */
export async function redrive({ order, said, carried }: RedriveInput): Promise<RedriveReport> {
  const { firstExecutionRunId: action } = workflowInfo();
  const redriving: Redriving = { order, asOf: carried?.asOf ?? Date.now(), action };
  let report = carried?.report ?? NOTHING_YET;
  let isDone = false;
  const move = async (only: string[] | null): Promise<boolean> => {
    const { isDone, ...found }: Pass = await activities.moveFailures(redriving, only);
    report = { ...report, ...found };
    return isDone;
  };
  try {
    if (carried === null) {
      await activities.beginRedrive(action, said);
      if (order.canary !== null) {
        const canary = await tryCanaries(redriving, order.canary, move);
        report = { ...report, canary };
      }
      isDone = report.canary?.passed === false;
    }
    for (let pass = 0; pass < PASSES && !isDone; pass++) isDone = await move(null);
  } catch (error) {
    isDone = true;
    if (isCancellation(error)) report = { ...report, isStopped: true };
    else report = { ...report, failure: causeOf(error) };
  }
  if (!isDone) {
    const { asOf } = redriving;
    return continueAsNew<typeof redrive>({ order, said, carried: { asOf, report } });
  }
  return CancellationScope.nonCancellable(() => activities.endRedrive(action, report));
}

async function tryCanaries(
  redriving: Redriving,
  { count, timeoutMs }: NonNullable<RedriveOrder['canary']>,
  move: (only: string[]) => Promise<boolean>,
): Promise<CanaryReport> {
  // Chosen before any is sent: they are known whoever dies.
  const canaries = await activities.chooseCanaries(redriving, count);
  if (canaries.length === 0) return { passed: true, outcomes: [] };
  const records = canaries.map(({ record }) => record);
  for (let isMoved = false; !isMoved;) isMoved = await move(records);
  const until = Date.now() + timeoutMs;
  for (;;) {
    const outcomes = await activities.awaitCanaries(redriving, canaries, until);
    if (outcomes.includes('open') && Date.now() < until) continue;
    return {
      passed: outcomes.every(isGoodEnd),
      outcomes: outcomes.map((outcome, at) => ({ id: canaries[at]?.id ?? null, outcome })),
    };
  }
}

/** @throws an error that is no activity's: a fault of this code, which a deploy mends */
function causeOf(error: unknown): string {
  if (error instanceof ActivityFailure && error.cause instanceof ApplicationFailure)
    return error.cause.message;
  throw error;
}
