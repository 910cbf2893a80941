/**
 * Requests a second, across all workers: each takes the next piece of one time line, which is a document in MongoDB that
 * knows when the next request may go out. Whoever dies with a piece has used it up; nobody ever has too many.
 */

import { OWN, type OwnDatabase } from '../mongo/collections.ts';
import { NOW, LIGHT } from '../mongo/server-time.ts';

/** A kind of requests. */
export type Lane = 'submits' | 'gets';

export interface RateDocument {
  /** The endpoint's name, and the kind of requests. */
  _id: `rates/${string}`;
  /** When the next one may go out. */
  next: number;
  /** The clock when room was last reserved. */
  at: number;
  /** When somebody last gave up waiting. */
  limitedAt?: number;
}

export interface Rates {
  /** Reserves room for so many requests; returns how long to wait before they go out, ms. @throws what MongoDB throws */
  reserve(lane: Lane, count: number, perSecond: number): Promise<number>;
  /** Tells that requests had to be given back because the limit is reached. */
  noteLimited(lane: Lane): Promise<void>;
}

/** @param endpoint its name */
export function openRates(db: OwnDatabase, endpoint: string): Rates {
  const collection = db.collection<RateDocument>(OWN.control);
  return {
    async reserve(lane, count, perSecond) {
      const takes = (count * 1000) / perSecond;
      const next = { $add: [{ $max: [{ $ifNull: ['$next', 0] }, NOW] }, takes] };
      const reserved = await collection.findOneAndUpdate(
        { _id: `rates/${endpoint}/${lane}` },
        [{ $set: { at: NOW, next } }],
        { upsert: true, returnDocument: 'after', ...LIGHT },
      );
      return reserved === null ? takes : Math.max(0, reserved.next - takes - reserved.at);
    },
    async noteLimited(lane) {
      await collection.updateOne(
        { _id: `rates/${endpoint}/${lane}` },
        [{ $set: { limitedAt: NOW } }],
        { upsert: true, ...LIGHT },
      );
    },
  };
}
