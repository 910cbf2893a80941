/** What a failure knows of the group that counts it (group-counts.ts). */
import { ObjectId, type Collection } from 'mongodb';
import type { Counted } from '../domain/failure-count.ts';
import { ensureIndex } from '../mongo/indexes.ts';

export interface InGroup {
  /** New with each write by which it may count otherwise, and there until that is counted. It tells the time of that write. */
  ungrouped?: ObjectId;
  /** How it was counted last, in which commit, and which `ungrouped` that was of. */
  grouped?: { n: number; of: ObjectId; counted: Counted | null };
}

/** Belongs into each write by which a failure comes, leaves, or comes back. */
export const toBeCounted = () => ({ ungrouped: new ObjectId() });

/** It waits no longer. */
export const goneAs = <As extends string>(as: As) => ({
  gone: { as, at: new Date() },
  ...toBeCounted(),
});

export const UNGROUPED = { ungrouped: { $exists: true } };

/** Of those that are to be counted alone. */
export const indexUngrouped = <T extends InGroup>(collection: Collection<T>): Promise<void> =>
  ensureIndex(collection, { ungrouped: 1 }, { partialFilterExpression: UNGROUPED });
