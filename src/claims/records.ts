/**
 * Notes on claims whether their failure records are still in the queue. Nobody looks into the queue for that: each look
 * counts there as a delivery. A malformed delivery has a note (malformed.ts) instead of a claim.
 */
import type { Collection, Document } from 'mongodb';
import { readClaimKey } from '../domain/names.ts';
import type { Claim, GoneAs } from './claims.ts';
import type { MalformedNote } from './malformed.ts';

/** The fields that claims of failures and malformed deliveries share. */
export type Failed = Pick<Claim, '_id' | 'settledAt' | 'gone'> &
  Partial<Pick<Claim, 'item'>> & {
    outcome: { kind: string; reason: string | null; at: Date; requestId?: string | null } | null;
  };

/** A record as it is in the queue: its claim, and when the registration failed. */
export interface RecordSeen {
  claim: string | null;
  /** As its header says. */
  at: string | null;
}

export type Records = ReturnType<typeof openRecords>;

export function openRecords({
  claims,
  malformed,
}: {
  claims: { collection: Collection<Claim> };
  malformed: { collection: Collection<MalformedNote> };
}) {
  async function write(updates: ByKeys[]): Promise<void> {
    const ofClaims = modelsOf(updates, isClaim);
    const ofMalformed = modelsOf(updates, (key) => !isClaim(key));
    // `bulkWrite` takes no empty list.
    if (ofClaims.length > 0) await claims.collection.bulkWrite(ofClaims, { ordered: false });
    if (ofMalformed.length > 0)
      await malformed.collection.bulkWrite(ofMalformed, { ordered: false });
  }

  return {
    /**
     * They are on their way out of the queue. A claim that was taken up again since, and has ended anew, has another record
     * than this one. What we did counts more than what was found: only `taken` is ever overwritten.
     */
    left: (records: readonly RecordSeen[], as: GoneAs): Promise<void> =>
      write(
        [...endsOf(records)].map(([end, keys]) => ({
          keys,
          only: {
            outcome: { $ne: null },
            'gone.as': as === 'taken' ? null : { $in: [null, 'taken'] },
            ...(end === null ? {} : { 'outcome.at': { $lte: new Date(end) } }),
          },
          update: { $set: { gone: { as, at: new Date() } } },
        })),
      ),
    /** They are in the queue all the same. */
    back: (keys: readonly string[]): Promise<void> =>
      write([{ keys, only: {}, update: { $unset: { gone: '' } } }]),
  };
}

/** An update of all documents with these keys that are as `only` says. */
interface ByKeys {
  keys: readonly string[];
  only: Document;
  update: Document;
}

const isClaim = (key: string): boolean => readClaimKey(key) !== null;

const modelsOf = (updates: readonly ByKeys[], isMeant: (key: string) => boolean) =>
  updates.flatMap(({ keys, only, update }) => {
    const meant = keys.filter(isMeant);
    const filter: Document = { _id: { $in: meant }, ...only };
    return meant.length === 0 ? [] : [{ updateMany: { filter, update } }];
  });

/** The claims of records by the time of their end: a statement for each, and one for all that do not say when. */
function endsOf(records: readonly RecordSeen[]): Map<number | null, string[]> {
  const ends = new Map<number | null, string[]>();
  for (const { claim, at } of records) {
    if (claim === null) continue;
    const end = endOf(at);
    const keys = ends.get(end) ?? [];
    keys.push(claim);
    ends.set(end, keys);
  }
  return ends;
}

/** Epoch ms. A record that does not say when is of whatever its claim ended with: null. */
function endOf(at: string | null): number | null {
  const time = Date.parse(at ?? '');
  return Number.isNaN(time) ? null : time;
}
