import { ApplicationFailure } from '@temporalio/common';
import type { Taken } from '../../src/domain/run.ts';
import { FRESH_MS } from '../../src/domain/timing.ts';
import { ownRun } from '../heartbeat.ts';

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
