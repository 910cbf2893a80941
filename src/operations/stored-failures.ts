/** The failures in two collections: as one list, in the order in which they were settled; and counted by what they have in common. */
import type { Document } from 'mongodb';
import type { LateResult } from '../claims/claims.ts';
import type { Failed } from '../claims/records.ts';
import { FAILURE_CLASSES } from '../domain/registrations/outcome.ts';
import { chunks } from '../runtime/chunks.ts';
import type { Store } from '../registrations/store.ts';

/** A claim without its message, or what stands for that of a malformed delivery. */
export type StoredFailure = Failed & {
  outcome: NonNullable<Failed['outcome']> & { entry?: string };
  settledAt: Date;
  generation?: number;
  workflowId?: string;
  lateResult?: LateResult;
};

/** The broker had confirmed its record. Named as the index has it. */
const SETTLED = {
  'outcome.kind': { $in: [...FAILURE_CLASSES] },
  settledAt: { $ne: null },
} as const;

/** Its record is in the failure queue, as far as is known. */
export const WAITING = { 'gone.as': null } as const;

type Both = Pick<Store, 'claims' | 'malformed'>;

export async function* storedFailures(
  { claims, malformed }: Both,
  filter: Document,
): AsyncGenerator<StoredFailure> {
  const wanted: Document = { ...SETTLED, ...filter };
  const order = { settledAt: 1 } as const;
  const own = claims.collection.find(wanted).sort(order).project<StoredFailure>({ message: 0 });
  const others = malformed.collection.find(wanted).sort(order).project<StoredFailure>({});
  const soundOnes = async function* () {
    for await (const some of chunks(own)) yield* claims.sound(some);
  };
  yield* merged(soundOnes(), others[Symbol.asyncIterator]());
}

async function* merged(
  left: AsyncIterator<StoredFailure>,
  right: AsyncIterator<StoredFailure>,
): AsyncGenerator<StoredFailure> {
  let [a, b] = await Promise.all([left.next(), right.next()]);
  for (;;) {
    const isLeft = b.done === true || (a.done !== true && a.value.settledAt <= b.value.settledAt);
    if (isLeft && a.done !== true) {
      yield a.value;
      a = await left.next();
    } else if (b.done !== true) {
      yield b.value;
      b = await right.next();
    } else return;
  }
}

export async function countWaiting({ claims, malformed }: Both): Promise<number> {
  const isThere: Document = { ...SETTLED, ...WAITING };
  const [own, others] = await Promise.all([
    claims.collection.countDocuments(isThere),
    malformed.collection.countDocuments(isThere),
  ]);
  return own + others;
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
}

/** The most that wait first, then the latest. Counted by MongoDB: what is counted beside the claims would differ from them. */
export async function failureGroups({ claims, malformed }: Both): Promise<FailureGroup[]> {
  const counting = [
    { $match: { ...SETTLED, 'outcome.at': { $type: 'date' } } },
    {
      $group: {
        _id: { class: '$outcome.kind', reason: { $ifNull: ['$outcome.group', ''] } },
        waiting: { $sum: { $cond: [{ $eq: [{ $ifNull: ['$gone.as', null] }, null] }, 1, 0] } },
        total: { $sum: 1 },
        firstAt: { $min: '$outcome.at' },
        lastAt: { $max: '$outcome.at' },
      },
    },
    { $replaceWith: { $mergeObjects: ['$_id', '$$ROOT'] } },
    { $unset: '_id' },
  ];
  const [own, others] = await Promise.all([
    claims.collection.aggregate<FailureGroup>(counting).toArray(),
    malformed.collection.aggregate<FailureGroup>(counting).toArray(),
  ]);
  return [...own, ...others].sort(
    (a, b) => b.waiting - a.waiting || b.lastAt.getTime() - a.lastAt.getTime(),
  );
}
