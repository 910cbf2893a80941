/**
 * How many failures of each kind there are: counted when they are written, so that whoever asks each second reads a few
 * documents. A process that is killed between a settlement and its count leaves the count behind; "failures compare" counts
 * anew.
 */
import type { Collection, Db } from 'mongodb';
import { groupOf } from '../domain/failure-group.ts';
import type { FailureGroup } from '../domain/failure-group.ts';
import { EXPIRY, OWN } from '../mongo/collections.ts';
import { expireAfter } from '../mongo/client.ts';

export interface FailureGroupDocument extends FailureGroup {
  /** `<class>: <reason>` */
  _id: string;
  /** Whose record is in the failure queue, as far as is known. */
  waiting: number;
  /** That ever were, since the first. */
  total: number;
  firstAt: Date;
  lastAt: Date;
  /** When it was counted last: a claim is kept from its settlement on, which may come long after its end. */
  keptFrom: Date;
}

/** A failure, as far as its group needs it. */
export interface Grouped {
  kind: string;
  reason: string | null;
  /** The ids that may stand in the reason. */
  names: (string | null)[];
  at: Date;
}

export interface FailureGroups {
  /** Failures whose records were confirmed. */
  came(failures: readonly Grouped[]): Promise<void>;
  /** Their records are not in the queue any more. */
  left(failures: readonly Grouped[]): Promise<void>;
  /** What was counted anew takes the place of what was counted. */
  replace(counted: ReadonlyMap<string, FailureGroupDocument>): Promise<void>;
  /** The most that wait first, then the latest. */
  all(): Promise<FailureGroupDocument[]>;
  collection: Collection<FailureGroupDocument>;
}

/** Makes the index by which groups expire that nothing was added to for so long: all their claims have expired by then. */
export const indexFailureGroups = (
  { collection }: FailureGroups,
  retentionMs: number,
): Promise<void> => expireAfter(collection, EXPIRY[OWN.failureGroups], retentionMs);

/** A count is told in a moment, and can be counted anew: no flush of the journal is waited for. */
const QUICK = { ordered: false, writeConcern: { w: 1 } } as const;

export function openFailureGroups(db: Db): FailureGroups {
  const collection = db.collection<FailureGroupDocument>(OWN.failureGroups);
  return {
    collection,
    async came(failures) {
      const counted = countGroups(failures);
      if (counted.size === 0) return;
      const updates = [...counted.values()].map(({ _id, ...group }) => ({
        updateOne: {
          filter: { _id },
          update: {
            $inc: { waiting: group.waiting, total: group.total },
            $min: { firstAt: group.firstAt },
            $max: { lastAt: group.lastAt, keptFrom: group.keptFrom },
            $setOnInsert: { class: group.class, reason: group.reason },
          },
          upsert: true,
        },
      }));
      await collection.bulkWrite(updates, QUICK);
    },
    async left(failures) {
      const counted = countGroups(failures);
      if (counted.size === 0) return;
      const updates = [...counted.values()].map(({ _id, waiting }) => ({
        updateOne: { filter: { _id }, update: { $inc: { waiting: -waiting } } },
      }));
      await collection.bulkWrite(updates, QUICK);
    },
    async replace(counted) {
      await collection.deleteMany({ _id: { $nin: [...counted.keys()] } });
      if (counted.size === 0) return;
      const updates = [...counted.values()].map(({ _id, ...group }) => ({
        updateOne: { filter: { _id }, update: { $set: group }, upsert: true },
      }));
      await collection.bulkWrite(updates, { ordered: false });
    },
    all: () => collection.find({}).sort({ waiting: -1, lastAt: -1, _id: 1 }).toArray(),
  };
}

/** By `_id`. All of them count as waiting. */
export function countGroups(failures: readonly Grouped[]): Map<string, FailureGroupDocument> {
  const counted = new Map<string, FailureGroupDocument>();
  for (const each of failures) countInto(counted, each, true);
  return counted;
}

export function countInto(
  counted: Map<string, FailureGroupDocument>,
  { kind, reason, names, at }: Grouped,
  isWaiting: boolean,
): void {
  const known = names.filter((name) => name !== null);
  const group = groupOf(kind, reason ?? '', known);
  const _id = `${group.class}: ${group.reason}`;
  const before = counted.get(_id) ?? {
    ...{ _id, ...group, waiting: 0, total: 0 },
    ...{ firstAt: at, lastAt: at, keptFrom: new Date() },
  };
  counted.set(_id, {
    ...before,
    waiting: before.waiting + (isWaiting ? 1 : 0),
    total: before.total + 1,
    firstAt: at < before.firstAt ? at : before.firstAt,
    lastAt: at > before.lastAt ? at : before.lastAt,
  });
}
