import { ApplicationFailure } from '@temporalio/common';
import type { Taken } from '../src/domain/run.ts';
import { FRESH_MS } from '../src/domain/timing.ts';
import { answerEach } from './ask-each.ts';
import { ownRun, type Liveness } from './heartbeat.ts';

/** @throws ApplicationFailure when the reading takes so long that the claims may have changed hands */
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
 * Divides into those whose claims this run still has, and the answers for those that another run has taken. A claim that is
 * not there any more counts as ours. `ownerOf`: the workflow id of a claim's owner.
 */
export function fenced<T extends { index: number; claim: string }>(
  all: readonly T[],
  ownerOf: (claim: string) => string | undefined,
): { ours: T[]; lost: Taken[] } {
  const run = ownRun();
  const isOurs = ({ claim }: T): boolean => (ownerOf(claim) ?? run) === run;
  const lost = all.filter((each) => !isOurs(each));
  return { ours: all.filter(isOurs), lost: answerEach(lost, { kind: 'taken' }) };
}

/** Of an attempt that Temporal has given up, the next one may already have acted. @throws then */
export async function stillWanted(liveness: Liveness): Promise<void> {
  await liveness.throwIfCancelled();
  if (!liveness.isCurrent()) throw stale();
}
