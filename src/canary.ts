/** What becomes of records that were redriven, by their claims: a canary's outcome decides about the others. */
import { setTimeout as delay } from 'node:timers/promises';
import { bodyHashOf } from './body-hash.ts';
import type { Claim, Claims } from './claims.ts';
import { claimKey, readClaimKey } from './domain/names.ts';
import { isFailure } from './domain/outcome.ts';
import type { OutcomeKind } from './domain/outcome.ts';
import type { FailureMessage } from './failure-queue.ts';

/** A redriven record, and where its outcome will be. */
export interface Canary {
  failure: Pick<FailureMessage, 'id' | 'failureClass'>;
  bodyHash: string;
  /** The claim of the next generation; null for what is no registration. */
  next: string | null;
  /** The claim of a conflict, which is taken up again, and when it was taken the last time. */
  again: { key: string; claimedAt: number } | null;
}

/** `malformed`: no registration by the configuration here. `open`: nothing is known of it in time. */
export type CanaryOutcome = OutcomeKind | 'open';

const EVERY_MS = 300;

/**
 * To be called before the records are redriven: afterwards nobody can tell a conflict from the one it was. Null for what an
 * earlier redrive, which was cut short, has sent already: its outcome would be the old one, and it is dropped as a duplicate.
 */
export async function readyCanaries(
  claims: Claims,
  failures: FailureMessage[],
): Promise<(Canary | null)[]> {
  const own = await claims.find(
    failures.flatMap(({ id, claim, redrive }) => [
      ...(claim === null ? [] : [claim]),
      ...(id === null ? [] : [claimKey(id, redrive ?? 0)]),
    ]),
  );
  /** What was malformed as a redrive has no claim of its own: its headers name the one before. */
  const generationBefore = ({ id, claim, redrive }: FailureMessage): number | null => {
    const named = claim === null ? null : readClaimKey(claim);
    if (named !== null || id === null) return named?.generation ?? null;
    const before = own.get(claimKey(id, redrive ?? 0))?.outcome;
    return before && isFailure(before.kind) ? (redrive ?? 0) : null;
  };
  const canaries = failures.map((failure): Canary => {
    const { id, failureClass, body, claim } = failure;
    const bodyHash = bodyHashOf(body);
    const before = generationBefore(failure);
    const next = id === null ? null : claimKey(id, before === null ? 0 : before + 1);
    const met = claim === null ? undefined : own.get(claim);
    const again =
      met?.conflict === true ? { key: met._id, claimedAt: met.claimedAt.getTime() } : null;
    return { failure: { id, failureClass }, bodyHash, next, again };
  });
  const taken = await claims.find(canaries.flatMap(({ next }) => next ?? []));
  return canaries.map((canary) => {
    const isSent = taken.get(canary.next ?? '')?.bodyHash === canary.bodyHash;
    return isSent ? null : canary;
  });
}

/**
 * Waits until all have an outcome, or the time is over, or `stop` is aborted.
 * @param settled is told how many have one
 */
export async function outcomesOf(
  claims: Claims,
  canaries: Canary[],
  options: { timeoutMs: number; stop: AbortSignal; settled: (count: number) => void },
): Promise<CanaryOutcome[]> {
  const until = performance.now() + options.timeoutMs;
  const keys = canaries.flatMap(({ next, again }) => [next ?? [], again?.key ?? []].flat());
  for (;;) {
    const found = await claims.find(keys);
    const outcomes = canaries.map((canary) => outcomeOf(canary, found));
    const open = outcomes.filter((outcome) => outcome === 'open').length;
    options.settled(outcomes.length - open);
    if (open === 0 || performance.now() >= until || options.stop.aborted) return outcomes;
    await delay(EVERY_MS, undefined, { signal: options.stop }).catch(() => {});
  }
}

function outcomeOf(
  { next, again, bodyHash }: Canary,
  found: ReadonlyMap<string, Claim>,
): CanaryOutcome {
  if (next === null) return 'malformed';
  const claim = found.get(next);
  const isOurs = claim?.conflict === false && claim.bodyHash === bodyHash;
  if (isOurs && claim.settledAt !== null && claim.outcome !== null) return claim.outcome.kind;
  const conflict = again === null ? undefined : found.get(again.key);
  const isAnew = conflict !== undefined && conflict.claimedAt.getTime() > (again?.claimedAt ?? 0);
  return isAnew && conflict.settledAt !== null ? 'conflict' : 'open';
}
