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
  const change = async (filter: Document, update: Document): Promise<void> => {
    await claims.collection.updateMany(filter, update);
    await malformed.collection.updateMany(filter, update);
  };
  return {
    async left(records, as) {
      const ends = new Map(
        records.flatMap(({ claim, at }) => (claim === null ? [] : [[claim, endOf(at)] as const])),
      );
      const keys = [...ends.keys()];
      const at = { $indexOfArray: [{ $literal: keys }, '$_id'] };
      const end = { $arrayElemAt: [{ $literal: [...ends.values()] }, at] };
      await change(
        {
          _id: { $in: keys },
          outcome: { $ne: null },
          'gone.as': as === 'taken' ? null : { $in: [null, 'taken'] },
          $expr: { $lte: ['$outcome.at', end] },
        },
        { $set: { gone: { as, at: new Date() } } },
      );
    },
    back: (keys) => change({ _id: { $in: [...keys] } }, { $unset: { gone: '' } }),
  };
}

/** Of a record that does not say when, nothing is known: it is of whatever the claim ended with. */
function endOf(at: string | null): Date {
  const time = Date.parse(at ?? '');
  return Number.isNaN(time) ? new Date('9999-12-31') : new Date(time);
}
