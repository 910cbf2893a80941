/** What becomes of records that were redriven, by their claims: a canary's outcome decides about the others. */
import { setTimeout as delay } from 'node:timers/promises';
import { bodyHashOf } from '../broker/body-hash.ts';
import type { Claims } from '../claims/claims.ts';
import { admit, keysOfRedriven } from '../domain/registrations/admission.ts';
import { claimKey } from '../domain/names.ts';
import type { Canary, CanaryOutcome } from '../domain/redrive-order.ts';
import type { FailureMessage } from '../broker/rabbitmq/dead-letter-queue.ts';
import { redriveOf } from '../broker/redrive.ts';
import type { Config } from '../config/schema.ts';
import { shownId } from './failure-queue.ts';

const EVERY_MS = 300;

/** The same for every copy of a record, and for no other one. */
export const recordKey = ({ claim, body }: Pick<FailureMessage, 'claim' | 'body'>): string =>
  `${claim ?? ''}|${bodyHashOf(body)}`;

export const claimOfRecord = (key: string): string => key.slice(0, key.lastIndexOf('|'));

/**
 * To be called before the records are redriven: afterwards nobody can tell a conflict from the one it was. Null for what an
 * earlier redrive, which was cut short, has sent already: its outcome would be the old one, and it is dropped as a duplicate.
 */
export async function readyCanaries(
  claims: Pick<Claims, 'find'>,
  failures: FailureMessage[],
  config: Config,
): Promise<(Canary | null)[]> {
  const all = failures.map((failure) => {
    const { id, body, headers, claim } = failure;
    const delivery = { bodyHash: bodyHashOf(body), ...redriveOf(headers) };
    const named = id === null ? [] : keysOfRedriven({ id, ...delivery });
    return { failure, delivery, keys: [...new Set([...named, claim ?? []].flat())] };
  });
  const known = await claims.find(all.flatMap(({ keys }) => keys));
  const canaries = all.map(({ failure, delivery, keys }): Canary => {
    const { id, claim } = failure;
    const { bodyHash } = delivery;
    const own = keys.flatMap((key) => known.get(key) ?? []);
    const next = id === null ? null : claimKey(id, admit({ id, ...delivery }, own).generation);
    // A conflict has a claim of its own.
    const met = known.get(claim ?? '');
    const again =
      met?.conflict === true ? { key: met._id, claimedAt: met.claimedAt.getTime() } : null;
    return { id: shownId(failure, config), record: recordKey(failure), bodyHash, next, again };
  });
  const taken = await claims.find(canaries.flatMap(({ next }) => next ?? []));
  return canaries.map((canary) => {
    const isSent = taken.get(canary.next ?? '')?.bodyHash === canary.bodyHash;
    return isSent ? null : canary;
  });
}

/** What a claim says of its end, whatever the flow. */
interface Ending {
  conflict: boolean;
  bodyHash: string;
  claimedAt: Date;
  settledAt: Date | null;
  outcome: { kind: string } | null;
}

/** Waits until all have an outcome, or the time is over, or `stop` is aborted. @param settled is told the outcomes of those that have one, whenever there are more */
export async function outcomesOf(
  claims: { find(keys: string[]): Promise<ReadonlyMap<string, Ending>> },
  canaries: Canary[],
  options: {
    timeoutMs: number;
    stop: AbortSignal;
    settled: (outcomes: CanaryOutcome[]) => Promise<void>;
  },
): Promise<CanaryOutcome[]> {
  const until = performance.now() + options.timeoutMs;
  const keys = canaries.flatMap(({ next, again }) => [next ?? [], again?.key ?? []].flat());
  for (let told = -1; ;) {
    const found = await claims.find(keys);
    const outcomes = canaries.map((canary) => outcomeOf(canary, found));
    const ended = outcomes.filter((outcome) => outcome !== 'open');
    if (told !== ended.length) await options.settled(ended);
    told = ended.length;
    if (told === outcomes.length || performance.now() >= until || options.stop.aborted)
      return outcomes;
    await delay(EVERY_MS, undefined, { signal: options.stop }).catch(() => {});
  }
}

function outcomeOf(
  { next, again, bodyHash }: Canary,
  found: ReadonlyMap<string, Ending>,
): CanaryOutcome {
  if (next === null) return 'malformed';
  const claim = found.get(next);
  const isOurs = claim?.conflict === false && claim.bodyHash === bodyHash;
  if (isOurs && claim.settledAt !== null && claim.outcome !== null) return claim.outcome.kind;
  const conflict = again === null ? undefined : found.get(again.key);
  const isAnew = conflict !== undefined && conflict.claimedAt.getTime() > (again?.claimedAt ?? 0);
  return isAnew && conflict.settledAt !== null ? 'conflict' : 'open';
}
