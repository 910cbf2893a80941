/**
 * The failure queue against what the claims say of it. What is in the queue is there, whatever they say; what is not was taken
 * by others, or is held by somebody at this moment. Written down on the claims, and the groups are counted anew.
 */
import type { FailureGroupDocument } from '../claims/failure-groups.ts';
import { countInto } from '../claims/failure-groups.ts';
import { groupedOf } from '../claims/records.ts';
import type { RecordSeen } from '../claims/records.ts';
import type { Config } from '../config/schema.ts';
import type { FailureMessage, FailureQueue } from '../broker/rabbitmq/dead-letter-queue.ts';
import { chunks } from '../registrations/doubts.ts';
import type { Store } from '../registrations/store.ts';
import { shownId, shownText } from './failure-queue.ts';
import { storedFailures } from './stored-failures.ts';

export interface Compared {
  /** Messages in the queue. */
  queue: number;
  /** Of them: copies of one record beyond the first. */
  copies: number;
  /** Of them: those that no claim knows; somebody else has put them there, or their claims have expired. */
  unknown: { id: string | null; class: string | null; messageId: string | null }[];
  /** Of them: those that were thought to be gone. */
  back: number;
  /** Failures whose record should be in the queue and is not: found out now. */
  taken: number;
  /** Failures whose record waits, now that this is known. */
  waiting: number;
}

/** @throws when the queue is lost: a part proves nothing, and nothing is written down */
export async function compareFailures(
  config: Config,
  queue: FailureQueue,
  store: Store,
): Promise<Compared> {
  const begunAt = new Date();
  const seen = new Set<string>();
  const there = await recordsIn(queue, seen, config, store);
  const missing: RecordSeen[] = [];
  const groups = new Map<string, FailureGroupDocument>();
  let waiting = 0;
  const again: string[] = [];
  for await (const failed of storedFailures(store, {})) {
    const isSeen = seen.has(failed._id);
    // What was settled since may have come behind what was read.
    const isNew = failed.settledAt >= begunAt;
    const isWaiting = isSeen || (isNew && failed.gone === undefined);
    if (isSeen && failed.gone !== undefined) again.push(failed._id);
    if (!isWaiting && failed.gone === undefined) missing.push({ claim: failed._id, at: null });
    if (isWaiting) waiting += 1;
    for (const grouped of groupedOf(failed)) countInto(groups, grouped, isWaiting);
  }
  for (let from = 0; from < missing.length; from += AT_ONCE)
    await store.records.left(missing.slice(from, from + AT_ONCE), 'taken');
  for (let from = 0; from < again.length; from += AT_ONCE)
    await store.records.back(again.slice(from, from + AT_ONCE));
  await store.groups.replace(groups);
  return { queue: queue.depth, ...there, back: again.length, taken: missing.length, waiting };
}

const AT_ONCE = 1_000;

/** Looks at each message once; `seen` is given the claims that are known. */
async function recordsIn(
  queue: FailureQueue,
  seen: Set<string>,
  config: Config,
  { claims, malformed }: Store,
): Promise<Pick<Compared, 'copies' | 'unknown'>> {
  const unknown: Compared['unknown'] = [];
  let copies = 0;
  for await (const some of chunks(queue.messages())) {
    const _id = { $in: some.flatMap(({ claim }) => claim ?? []) };
    const found = await Promise.all([
      claims.collection.find({ _id }).project<{ _id: string }>({ _id: 1 }).toArray(),
      malformed.collection.find({ _id }).project<{ _id: string }>({ _id: 1 }).toArray(),
    ]);
    const known = new Set(found.flat().map((each) => each._id));
    for (const failure of some) {
      const { claim } = failure;
      if (claim === null || !known.has(claim)) unknown.push(shownOf(failure, config));
      else if (seen.has(claim)) copies += 1;
      else seen.add(claim);
    }
  }
  return { copies, unknown };
}

const shownOf = (failure: FailureMessage, config: Config): Compared['unknown'][number] => ({
  id: shownId(failure, config),
  class: failure.failureClass,
  messageId: shownText(failure, failure.messageId, config),
});
