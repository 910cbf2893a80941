/**
 * How many registrations the legacy system has accepted that are not settled, across all workers, while there is a limit
 * to it: counted in the claims and the journal, which are exact, and between two counts by what was let through since.
 * So it may be too high for a moment, and never stays wrong: nothing is counted down, and a crash leaves nothing behind.
 */
import type { Db } from 'mongodb';
import type { Claims } from './claims.ts';
import { LIGHT, NOW } from './control.ts';
import { chunks, currentEntries } from './doubts.ts';
import type { OpenClaim } from './doubts.ts';
import type { Journal } from './journal.ts';

export interface InFlightDocument {
  _id: 'in-flight';
  count: number;
  /** Let through since the counting began. */
  recent: number;
  /** Let through by the last change. */
  granted: number;
  countedAt: number;
  countingSince: number;
  heldBackAt?: number;
}

export interface InFlight {
  /** Lets through as many as there is room for, perhaps none. @throws what MongoDB throws */
  take(wanted: number, limit: number): Promise<number>;
}

const EVERY_MS = 1_000;
/** Older counts are not believed: the limit may have been off meanwhile. */
const STALE_MS = 10_000;

export interface InFlightStore {
  db: Db;
  claims: Pick<Claims, 'collection'>;
  journal: Pick<Journal, 'read'>;
}

export function openInFlight(store: InFlightStore): InFlight {
  const collection = store.db.collection<InFlightDocument>('control');

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
          },
        },
      ],
      { returnDocument: 'after', ...LIGHT },
    );
    return after?.granted ?? 0;
  }

  /** Whether this one is to count: only one does at a time, and not more often than each second. */
  const mayCount = async (): Promise<boolean> => {
    const { matchedCount } = await collection.updateOne(
      { _id: 'in-flight', $expr: { $lte: [{ $add: ['$countingSince', EVERY_MS] }, NOW] } },
      [{ $set: { countingSince: NOW, recent: 0 } }],
    );
    return matchedCount === 1;
  };

  /** Whether there was no such document yet. An upsert cannot ask for the time. */
  async function begun(): Promise<boolean> {
    const zero = { count: 0, recent: 0, granted: 0, countedAt: 0, countingSince: 0 };
    const { upsertedCount } = await collection.updateOne(
      { _id: 'in-flight' },
      { $setOnInsert: zero },
      { upsert: true },
    );
    return upsertedCount === 1;
  }

  async function count(): Promise<boolean> {
    if (!(await mayCount()) && !((await begun()) && (await mayCount()))) return false;
    const counted = await countInFlight(store);
    await collection.updateOne({ _id: 'in-flight' }, [
      { $set: { count: { $add: [counted, '$recent'] }, countedAt: NOW } },
    ]);
    return true;
  }

  return {
    async take(wanted, limit) {
      const granted = await grant(wanted, limit);
      if (granted > 0) return granted;
      return (await count()) ? grant(wanted, limit) : 0;
    },
  };
}

/** Accepted or just being submitted, and not settled. What is in doubt is not among them. */
export async function countInFlight(store: InFlightStore): Promise<number> {
  const open = store.claims.collection
    .find({ settledAt: null, conflict: false })
    .project<OpenClaim>({ message: 0 });
  let count = 0;
  for await (const claims of chunks(open)) {
    const entries = await currentEntries(store, claims);
    for (const { state } of entries.values()) {
      if (state === 'accepted' || state === 'intent') count += 1;
    }
  }
  return count;
}
