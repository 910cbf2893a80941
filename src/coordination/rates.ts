/**
 * Requests a second, across all workers: each takes the next piece of one time line, which is a document in MongoDB that
 * knows when the next request may go out. Whoever dies with a piece has used it up; nobody ever has too many.
 */
import type { Db } from 'mongodb';
import { OWN } from '../mongo/collections.ts';
import { NOW, LIGHT } from '../mongo/server-time.ts';

export type RateKind = 'submits' | 'gets';

export interface RateDocument {
  _id: RateKind;
  /** When the next one may go out. */
  next: number;
  /** The clock when it was last written. */
  at: number;
  /** When somebody last gave up waiting. */
  heldBackAt?: number;
}

export interface Rates {
  /** Reserves room for so many requests; returns how long to wait before they go out, ms. @throws what MongoDB throws */
  reserve(kind: RateKind, count: number, perSecond: number): Promise<number>;
  /** Tells that requests had to be given back because the limit is reached. */
  heldBack(kind: RateKind): Promise<void>;
}

export function openRates(db: Db): Rates {
  const collection = db.collection<RateDocument>(OWN.control);
  return {
    async reserve(kind, count, perSecond) {
      const takes = (count * 1000) / perSecond;
      const next = { $add: [{ $max: [{ $ifNull: ['$next', 0] }, NOW] }, takes] };
      const reserved = await collection.findOneAndUpdate(
        { _id: kind },
        [{ $set: { at: NOW, next } }],
        { upsert: true, returnDocument: 'after', ...LIGHT },
      );
      return reserved === null ? takes : Math.max(0, reserved.next - takes - reserved.at);
    },
    async heldBack(kind) {
      await collection.updateOne({ _id: kind }, [{ $set: { heldBackAt: NOW } }], LIGHT);
    },
  };
}
