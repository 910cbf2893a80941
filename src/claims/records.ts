/**
 * What became of failure records, as far as is known, without a look into the queue: each counts there as a delivery. Noted
 * on the claim, or on what stands for that of a malformed delivery.
 */
import type { Collection } from 'mongodb';
import type { Claim } from './claims.ts';
import type { FailureGroups, Grouped } from './failure-groups.ts';
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
   * than this one.
   */
  left(records: readonly RecordSeen[], as: GoneAs): Promise<void>;
  /** They are in the queue all the same. Whoever finds that counts the groups anew. */
  back(claims: readonly string[]): Promise<void>;
}

export interface RecordNeeds {
  claims: { collection: Collection<Claim> };
  malformed: { collection: Collection<MalformedNote> };
  groups: Pick<FailureGroups, 'left'>;
}

const FACTS = { registration: 1, outcome: 1, settledAt: 1, gone: 1 } as const;

export function openRecords({ claims, malformed, groups }: RecordNeeds): Records {
  const read = async (keys: readonly string[]): Promise<Failed[]> => {
    const _id = { $in: [...keys] };
    const [known, others] = await Promise.all([
      claims.collection.find({ _id }).project<Failed>(FACTS).toArray(),
      malformed.collection.find({ _id }).project<Failed>(FACTS).toArray(),
    ]);
    return [...known, ...others];
  };
  return {
    async left(records, as) {
      const seen = new Map(records.map(({ claim, at }) => [claim ?? '', Date.parse(at ?? '')]));
      const found = (await read([...seen.keys()])).filter(
        ({ _id, outcome, gone }) =>
          gone === undefined &&
          outcome !== null &&
          // Of a record that does not say when, nothing is known.
          !(outcome.at.getTime() > (seen.get(_id) ?? NaN)),
      );
      const filter = { _id: { $in: found.map(({ _id }) => _id) }, outcome: { $ne: null } };
      const change = { $set: { gone: { as, at: new Date() } } };
      await claims.collection.updateMany(filter, change);
      await malformed.collection.updateMany({ _id: filter._id }, change);
      await groups.left(found.filter(({ settledAt }) => settledAt !== null).flatMap(groupedOf));
    },
    async back(keys) {
      const found = (await read(keys)).filter(({ gone }) => gone !== undefined);
      const filter = { _id: { $in: found.map(({ _id }) => _id) } };
      const change = { $unset: { gone: '' as const } };
      await claims.collection.updateMany(filter, change);
      await malformed.collection.updateMany(filter, change);
    },
  };
}

export const groupedOf = ({ registration, outcome }: Failed): Grouped[] =>
  outcome === null
    ? []
    : [
        {
          kind: outcome.kind,
          reason: outcome.reason,
          names: [registration ?? null, outcome.requestId ?? null],
          at: outcome.at,
        },
      ];
