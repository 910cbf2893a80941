/**
 * Requests a second, across all workers: each takes the next piece of one time line, a document in MongoDB that says when the
 * next request may go out. A piece that a dead worker had is used up, so that there are never too many.
 */

import { OWN, type OwnDatabase } from '../mongo/collections.ts';
import { NOW, LIGHT } from '../mongo/server-time.ts';

export type Lane = 'submits' | 'gets';

export interface RateDocument {
  /** The endpoint's name, and the lane. */
  _id: `rates/${string}`;
  /** When the next one may go out. */
  next: number;
  /** The clock when room was last reserved. */
  at: number;
  /** When somebody last gave up waiting. */
  limitedAt?: number;
}

/** The time line ends so far ahead, ms; or with so many turns like the one that is asked for. */
const FURTHEST_MS = 60_000;
const FURTHEST_TURNS = 10;

export type Rates = ReturnType<typeof openRates>;

export function openRates(db: OwnDatabase, endpoint: string) {
  const collection = db.collection<RateDocument>(OWN.control);
  return {
    /** Reserves room for so many requests; returns how long to wait before they go out, ms. @throws what MongoDB throws */
    async reserve(lane: Lane, count: number, perSecond: number): Promise<number> {
      const takes = (count * 1000) / perSecond;
      // A clock that was put back would have all wait for as long.
      const furthest = { $add: [NOW, Math.max(FURTHEST_MS, FURTHEST_TURNS * takes)] };
      const known = { $min: [{ $ifNull: ['$next', 0] }, furthest] };
      const next = { $add: [{ $max: [known, NOW] }, takes] };
      const reserved = await collection.findOneAndUpdate(
        { _id: `rates/${endpoint}/${lane}` },
        [{ $set: { at: NOW, next } }],
        { upsert: true, returnDocument: 'after', ...LIGHT },
      );
      // Of several that begin a time line at once, the store of `npm start` may tell all but one nothing: it is there now.
      if (reserved === null) return this.reserve(lane, count, perSecond);
      return Math.max(0, reserved.next - takes - reserved.at);
    },
    /** Tells all that requests are given back because the limit is reached. */
    async noteLimited(lane: Lane): Promise<void> {
      await collection.updateOne(
        { _id: `rates/${endpoint}/${lane}` },
        [{ $set: { limitedAt: NOW } }],
        { upsert: true, ...LIGHT },
      );
    },
  };
}
