/**
 * How many registrations the legacy system has accepted that are not settled, across all workers, while there is a limit
 * to it: counted in the claims and the journal, which are exact, and between two counts by what was let through since, or
 * so shortly before that its intents may not have been there to be counted. So it may be too high for a moment, and never
 * stays wrong: nothing is counted down, and a crash leaves nothing behind.
 */
import type { Db } from 'mongodb';
import type { Claims } from '../claims/claims.ts';
import { OWN } from '../mongo/collections.ts';
import { chunks, currentEntries } from './doubts.ts';
import type { OpenClaim } from './doubts.ts';
import type { Journal } from './journal.ts';
import type { Unroutable } from '../claims/set-aside.ts';
import { NOW, LIGHT } from '../mongo/server-time.ts';
import type { InFlight } from '../outbound/gate.ts';
import type { InFlightDocument } from '../coordination/control.ts';

const EVERY_MS = 1_000;
/** Older counts are not believed: the limit may have been off meanwhile. */
const STALE_MS = 10_000;
/** Whoever counts and is not heard of for so long will not end it. */
const LOST_MS = 5_000;
/** What was let through has its intents in the journal after this time, unless MongoDB is in trouble. */
const SPAN_MS = 1_000;

export interface InFlightStore {
  db: Db;
  claims: Pick<Claims, 'collection' | 'sound'>;
  journal: Pick<Journal, 'read'>;
  unroutable: Pick<Unroutable, 'among'>;
}

const spanIsOver = { $lte: [{ $add: ['$spanAt', SPAN_MS] }, NOW] };
const longAgo = { $lte: [{ $add: ['$spanAt', 2 * SPAN_MS] }, NOW] };
/** What was let through within the last second, and up to one more. */
const justLetThrough = {
  $switch: {
    branches: [
      { case: longAgo, then: 0 },
      { case: spanIsOver, then: '$span' },
    ],
    default: { $add: ['$span', '$spanBefore'] },
  },
};
const isLost = { $lte: [{ $add: ['$aliveAt', LOST_MS] }, NOW] };

export function openInFlight(store: InFlightStore): InFlight {
  const collection = store.db.collection<InFlightDocument>(OWN.control);

  async function grant(wanted: number, limit: number): Promise<number> {
    const room = { $max: [0, { $subtract: [limit, '$count'] }] };
    const after = await collection.findOneAndUpdate(
      { _id: 'in-flight', $expr: { $gt: [{ $add: ['$countedAt', STALE_MS] }, NOW] } },
      [
        { $set: { granted: { $min: [wanted, room] } } },
        {
          $set: {
            count: { $add: ['$count', '$granted'] },
            recent: { $add: ['$recent', '$granted'] },
            heldBackAt: { $cond: [{ $eq: ['$granted', 0] }, NOW, { $ifNull: ['$heldBackAt', 0] }] },
            span: { $add: ['$granted', { $cond: [spanIsOver, 0, '$span'] }] },
            spanBefore: { $cond: [spanIsOver, { $cond: [longAgo, 0, '$span'] }, '$spanBefore'] },
            spanAt: { $cond: [spanIsOver, NOW, '$spanAt'] },
          },
        },
      ],
      { returnDocument: 'after', ...LIGHT },
    );
    return after?.granted ?? 0;
  }

  /**
   * Whether this one is to count: only one does at a time, and not more often than each second. Returns when the counting
   * began, or null.
   */
  const mayCount = async (): Promise<number | null> => {
    const begun = await collection.findOneAndUpdate(
      {
        _id: 'in-flight',
        $expr: {
          $and: [
            { $lte: [{ $add: ['$countingSince', EVERY_MS] }, NOW] },
            { $or: [{ $gte: ['$countedAt', '$countingSince'] }, isLost] },
          ],
        },
      },
      [{ $set: { countingSince: NOW, aliveAt: NOW, recent: justLetThrough } }],
      { returnDocument: 'after' },
    );
    return begun?.countingSince ?? null;
  };

  /** Whether there was no such document yet. An upsert cannot ask for the time. */
  async function begun(): Promise<boolean> {
    const spans = { span: 0, spanBefore: 0, spanAt: 0 };
    const times = { countedAt: 0, countingSince: 0, aliveAt: 0 };
    const zero = { count: 0, recent: 0, granted: 0, ...spans, ...times };
    const { upsertedCount } = await collection.updateOne(
      { _id: 'in-flight' },
      { $setOnInsert: zero },
      { upsert: true },
    );
    return upsertedCount === 1;
  }

  const tellAlive = async (since: number): Promise<void> => {
    await collection.updateOne(
      { _id: 'in-flight', countingSince: since },
      [{ $set: { aliveAt: NOW } }],
      LIGHT,
    );
  };

  async function count(): Promise<boolean> {
    const since = (await mayCount()) ?? ((await begun()) ? await mayCount() : null);
    if (since === null) return false;
    const counted = await countInFlight(store, () => tellAlive(since));
    const { matchedCount } = await collection.updateOne(
      { _id: 'in-flight', countingSince: since },
      [{ $set: { count: { $add: [counted, '$recent'] }, countedAt: NOW } }],
    );
    return matchedCount === 1;
  }

  return {
    async take(wanted, limit) {
      const granted = await grant(wanted, limit);
      if (granted > 0) return granted;
      return (await count()) ? grant(wanted, limit) : 0;
    },
  };
}

/**
 * Accepted or just being submitted, and without an outcome. What is in doubt is not among them, nor what the legacy system
 * has done and we cannot bring anywhere: it has an outcome, or is set aside.
 * @param goesOn called for each thousand or so
 */
export async function countInFlight(
  store: InFlightStore,
  goesOn: () => Promise<void> = () => Promise.resolve(),
): Promise<number> {
  const open = store.claims.collection
    .find({ settledAt: null, outcome: null, conflict: false })
    .project<OpenClaim>({ message: 0 });
  let count = 0;
  for await (const found of chunks(open)) {
    const claims = store.claims.sound(found);
    const entries = await currentEntries(store, claims);
    const setAside = await store.unroutable.among(claims.map(({ _id }) => _id));
    for (const [claim, { state }] of entries) {
      if (setAside.has(claim)) continue;
      if (state === 'accepted' || state === 'intent') count += 1;
    }
    await goesOn();
  }
  return count;
}
