/** The failures in two collections as one list, in the order in which they were settled. */
import type { Document } from 'mongodb';
import type { LateResult } from '../claims/claims.ts';
import type { Failed } from '../claims/records.ts';
import { FAILURE_CLASSES } from '../domain/registrations/outcome.ts';
import { chunks } from '../registrations/doubts.ts';
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

export async function* storedFailures(
  { claims, malformed }: Pick<Store, 'claims' | 'malformed'>,
  filter: Document,
): AsyncGenerator<StoredFailure> {
  const wanted: Document = { ...SETTLED, ...filter };
  const order = { settledAt: 1 } as const;
  const own = claims.collection.find(wanted).sort(order).project<StoredFailure>({ message: 0 });
  const others = malformed.collection.find(wanted).sort(order).project<StoredFailure>({});
  yield* merged(soundOf(claims, own), others[Symbol.asyncIterator]());
}

async function* soundOf(
  { sound }: Pick<Store['claims'], 'sound'>,
  all: AsyncIterable<StoredFailure>,
): AsyncGenerator<StoredFailure> {
  for await (const some of chunks(all)) yield* sound(some);
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

/** Whose record is in the failure queue, as far as is known. */
export async function countWaiting({
  claims,
  malformed,
}: Pick<Store, 'claims' | 'malformed'>): Promise<number> {
  const isThere: Document = { ...SETTLED, gone: { $exists: false } };
  const [own, others] = await Promise.all([
    claims.collection.countDocuments(isThere),
    malformed.collection.countDocuments(isThere),
  ]);
  return own + others;
}

export async function allOf<T>(some: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const each of some) all.push(each);
  return all;
}
