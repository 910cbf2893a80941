/** The failures of a flow as one list, in the order in which they were settled; and their groups, counted. */
import type { Collection, Document } from 'mongodb';
import type { LateResult } from '../claims/claims.ts';
import type { Failed } from '../claims/records.ts';
import { chunks } from '../runtime/chunks.ts';

/** A claim without its message, or what stands for that of a malformed delivery. */
export type StoredFailure = Failed & {
  outcome: NonNullable<Failed['outcome']> & { entry?: string; class?: string };
  settledAt: Date;
  generation?: number;
  attempts?: number;
  workflowId?: string;
  lateResult?: LateResult;
};

interface Shelf {
  collection: Collection;
  /** Leaves out what was edited by hand. */
  sound: <T extends { _id: string }>(some: T[]) => T[];
}

/** Where a flow keeps its failures, and how it speaks of them. */
export interface Failures {
  kept: readonly Shelf[];
  /** Which of the documents there are failures that have reached their place. As the index has it. */
  scope: Document;
  /** The id of an item, as it may be shown. */
  shown: (item: string) => string;
  /** Whether `shown` hides the ids. */
  isHidden: boolean;
  /** A filter on those that are meant by an id, or by the name of a record. */
  meantBy: (id: string) => Document;
  /** How often each was tried, in their order. */
  attemptsOf: (found: readonly StoredFailure[]) => Promise<number[]>;
}

/** Its record is in the failure queue, as far as is known. */
export const WAITING = { 'gone.as': null } as const;

type Kept = Pick<Failures, 'kept' | 'scope'>;

export async function* storedFailures(
  { kept, scope }: Kept,
  filter: Document,
): AsyncGenerator<StoredFailure> {
  const soundOnes = async function* ({
    collection,
    sound,
  }: Shelf): AsyncGenerator<StoredFailure, void> {
    const found = collection.find({ ...scope, ...filter }).sort({ settledAt: 1, _id: 1 });
    for await (const some of chunks(found.project<StoredFailure>({ message: 0 })))
      yield* sound(some);
  };
  const [first, ...others] = kept.map(soundOnes);
  if (first === undefined) return;
  yield* others.reduce<AsyncGenerator<StoredFailure, void>>(merged, first);
}

async function* merged(
  left: AsyncIterator<StoredFailure>,
  right: AsyncIterator<StoredFailure>,
): AsyncGenerator<StoredFailure, void> {
  let [a, b] = await Promise.all([left.next(), right.next()]);
  for (;;) {
    const isLeft = b.done === true || (a.done !== true && isBefore(a.value, b.value));
    if (isLeft && a.done !== true) {
      yield a.value;
      a = await left.next();
    } else if (b.done !== true) {
      yield b.value;
      b = await right.next();
    } else return;
  }
}

const isBefore = (a: StoredFailure, b: StoredFailure): boolean =>
  a.settledAt < b.settledAt || (+a.settledAt === +b.settledAt && a._id < b._id);

/** A filter: those that come after one in their order. */
export const behind = ({ settledAt, _id }: Pick<StoredFailure, 'settledAt' | '_id'>): Document => ({
  $or: [{ settledAt: { $gt: settledAt } }, { settledAt, _id: { $gt: _id } }],
});

/** How many match, by class. */
export async function countFailures({ kept, scope }: Kept, filter: Document) {
  const counting = [
    { $match: { ...scope, ...filter } },
    { $group: { _id: '$outcome.kind', count: { $sum: 1 } } },
  ];
  const byClass: Record<string, number> = {};
  for (const { collection } of kept)
    for await (const { _id, count } of collection.aggregate<{ _id: string; count: number }>(
      counting,
    ))
      byClass[_id] = (byClass[_id] ?? 0) + count;
  return { selected: Object.values(byClass).reduce((sum, each) => sum + each, 0), byClass };
}

export async function countWaiting({ kept, scope }: Kept): Promise<number> {
  const counts = await Promise.all(
    kept.map(({ collection }) => collection.countDocuments({ ...scope, ...WAITING })),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

/** Failures of one class with the same reason, which is folded: without the numbers and ids in it. */
export interface FailureGroup {
  class: string;
  reason: string;
  waiting: number;
  /** All that MongoDB still knows. */
  total: number;
  firstAt: Date;
  lastAt: Date;
  /** Failed within the last hour. */
  lastHour: number;
  redriven: number;
  /** Of those that wait: the legacy system has finished them after they had timed out. */
  finishedLater: number;
}

const HOUR_MS = 3_600_000;

/** The most that wait first, then the latest. Counted by MongoDB: what is counted beside the claims would differ from them. */
export async function failureGroups(
  { kept, scope }: Kept,
  now = Date.now(),
): Promise<FailureGroup[]> {
  const isWaiting = { $eq: [{ $ifNull: ['$gone.as', null] }, null] };
  const among = (condition: Document) => ({ $sum: { $cond: [condition, 1, 0] } });
  const counting = [
    { $match: { ...scope, 'outcome.at': { $type: 'date' } } },
    {
      $group: {
        _id: { class: '$outcome.kind', reason: { $ifNull: ['$outcome.group', ''] } },
        waiting: among(isWaiting),
        total: { $sum: 1 },
        firstAt: { $min: '$outcome.at' },
        lastAt: { $max: '$outcome.at' },
        lastHour: among({ $gt: ['$outcome.at', new Date(now - HOUR_MS)] }),
        redriven: among({ $eq: ['$gone.as', 'redriven'] }),
        finishedLater: among({ $and: [isWaiting, { $eq: ['$lateResult.status', 'done'] }] }),
      },
    },
    { $replaceWith: { $mergeObjects: ['$_id', '$$ROOT'] } },
    { $unset: '_id' },
  ];
  const found = await Promise.all(
    kept.map(({ collection }) => collection.aggregate<FailureGroup>(counting).toArray()),
  );
  return found
    .flat()
    .sort((a, b) => b.waiting - a.waiting || b.lastAt.getTime() - a.lastAt.getTime());
}
