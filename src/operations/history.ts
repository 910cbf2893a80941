/** How it was, minute by minute, for as long as it is kept. Whoever looks writes it down; of several, the first. */
import { OWN, EXPIRY, type OwnDatabase } from '../mongo/collections.ts';
import { expireAfter } from '../mongo/indexes.ts';

/** Null where nobody knew it. */
export interface Minute {
  perSecond: number | null;
  waiting: number | null;
  inFlight: number | null;
  inDoubt: number | null;
  failed: number | null;
  lagP50: number | null;
  lagP99: number | null;
  legacyP50: number | null;
  legacyP99: number | null;
}

interface MinuteDocument extends Minute {
  /** Its beginning. */
  _id: Date;
  /** The same: what expires needs a field of its own. */
  at: Date;
}

const MINUTE_MS = 60_000;
/** Points of the longest line that is drawn. */
const MOST = 1_440;

export function openHistory(own: OwnDatabase) {
  const collection = own.collection<MinuteDocument>(OWN.history);
  return {
    index: (keptMs: number): Promise<void> => expireAfter(collection, EXPIRY[OWN.history], keptMs),
    async note(minute: Minute, now: number): Promise<void> {
      const at = new Date(now - (now % MINUTE_MS));
      await collection.updateOne(
        { _id: at },
        { $setOnInsert: { at, ...minute } },
        { upsert: true },
      );
    },
    /** Oldest first; of a long time some that are as far apart as the others. */
    async last(minutes: number, now: number): Promise<(Minute & { at: Date })[]> {
      const step = Math.ceil(minutes / MOST);
      const found = await collection
        .find({ _id: { $gt: new Date(now - minutes * MINUTE_MS) } })
        .sort({ _id: 1 })
        .toArray();
      return found
        .filter(({ at }) => (at.getTime() / MINUTE_MS) % step === 0)
        .map(({ _id: at, ...minute }) => ({ ...minute, at }));
    },
    /** The one before so many minutes, or one close to it. */
    async before(minutes: number, now: number): Promise<Minute | null> {
      const until = now - minutes * MINUTE_MS;
      const range = { $gt: new Date(until - 5 * MINUTE_MS), $lte: new Date(until) };
      return collection.findOne({ _id: range }, { sort: { _id: -1 } });
    },
  };
}
