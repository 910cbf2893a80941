/**
 * What became of failure records, as far as is known, without a look into the queue: each counts there as a delivery. Noted
 * on the claim, or on what stands for that of a malformed delivery.
 */
import type { Collection, Document } from 'mongodb';
import type { Claim } from './claims.ts';
import type { GoneAs } from './gone.ts';
import type { MalformedNote } from './malformed.ts';

/** What claims of failures and malformed deliveries have in common. */
export type Failed = Pick<Claim, '_id' | 'settledAt' | 'gone'> &
  Partial<Pick<Claim, 'registration'>> & {
    outcome: { kind: string; reason: string | null; at: Date; requestId?: string | null } | null;
  };

/** A record as it is in the queue: its claim, and when what it tells of has ended. */
export interface RecordSeen {
  claim: string | null;
  /** As its header says. */
  at: string | null;
}

export interface Records {
  /**
   * They are on their way out of the queue. A claim that was taken up again since, and has ended anew, has another record
   * than this one. What we did counts more than what was found: only `taken` is ever overwritten.
   */
  left(records: readonly RecordSeen[], as: GoneAs): Promise<void>;
  /** They are in the queue all the same. */
  back(claims: readonly string[]): Promise<void>;
}

export interface RecordNeeds {
  claims: { collection: Collection<Claim> };
  malformed: { collection: Collection<MalformedNote> };
}

export function openRecords({ claims, malformed }: RecordNeeds): Records {
  return {
    async left(records, as) {
      const updates = endsOf(records).map(([end, keys]) => {
        const filter: Document = {
          _id: { $in: keys },
          outcome: { $ne: null },
          'gone.as': as === 'taken' ? null : { $in: [null, 'taken'] },
          ...(end === null ? {} : { 'outcome.at': { $lte: new Date(end) } }),
        };
        const update: Document = { $set: { gone: { as, at: new Date() } } };
        return { updateMany: { filter, update } };
      });
      if (updates.length === 0) return;
      await claims.collection.bulkWrite(updates, { ordered: false });
      await malformed.collection.bulkWrite(updates, { ordered: false });
    },
    async back(keys) {
      const filter: Document = { _id: { $in: [...keys] } };
      const update: Document = { $unset: { gone: '' } };
      await claims.collection.updateMany(filter, update);
      await malformed.collection.updateMany(filter, update);
    },
  };
}

/** The claims of records by the time of their end: a statement for each, and one for all that do not say when. */
function endsOf(records: readonly RecordSeen[]): [end: number | null, keys: string[]][] {
  const ends = new Map<number | null, string[]>();
  for (const { claim, at } of records) {
    if (claim === null) continue;
    const end = endOf(at);
    ends.set(end, [...(ends.get(end) ?? []), claim]);
  }
  return [...ends];
}

/** Epoch ms. Of a record that does not say when, nothing is known: it is of whatever the claim ended with. */
function endOf(at: string | null): number | null {
  const time = Date.parse(at ?? '');
  return Number.isNaN(time) ? null : time;
}
