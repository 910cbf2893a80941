/**
 * The fence around effects: a run that is dead may still have attempts of its activities under way, in a worker that was
 * paused or cut off, while another run has taken its claims over. Just before each effect the claims are read again, and
 * what another run holds is left alone (docs/decisions/0016-fence.md).
 */
import { activityInfo } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { Taken } from '../../src/domain/registrations/answers.ts';

/** An answer that took longer tells of the past: the process may have been paused between question and answer. */
const FRESH_MS = 5_000;

/** The workflow id of the run that the activity works for. */
export const ownRun = (): string => activityInfo().workflowExecution?.workflowId ?? '';

/**
 * What a reading of claims says, if it says so in time.
 * @throws ApplicationFailure when it does not: Temporal tries again, if the attempt is still wanted
 */
export async function readInTime<T>(reading: () => Promise<T>): Promise<T> {
  const asked = performance.now();
  const answer = await reading();
  if (performance.now() - asked > FRESH_MS) throw stale();
  return answer;
}

/** For an attempt that was silent for so long that another one may be under way. */
export const stale = (): ApplicationFailure =>
  ApplicationFailure.create({
    type: 'Stale',
    message: 'This attempt was paused for so long that another one may be under way',
  });

/**
 * Divides into what this run still holds, and the answers for what another run has taken. A claim that is not there any more
 * is nobody's. `holderOf`: the workflow id of the run that holds a claim.
 */
export function fenced<T extends { index: number; claim: string }>(
  all: readonly T[],
  holderOf: (claim: string) => string | undefined,
): { ours: T[]; lost: Taken[] } {
  const run = ownRun();
  const isOurs = ({ claim }: T): boolean => (holderOf(claim) ?? run) === run;
  const lost = all.filter((each) => !isOurs(each));
  return {
    ours: all.filter(isOurs),
    lost: lost.map(({ index }) => ({ index, kind: 'taken' })),
  };
}
