/**
 * Notes on claims whether their failure records are still in the queue. Nobody looks into the queue for that: each look
 * counts there as a delivery. A malformed delivery has a note (malformed.ts) instead of a claim.
 */
import type { Collection, Document } from 'mongodb';
import { readClaimKey } from '../domain/names.ts';
import type { Claim, GoneAs } from './claims.ts';
import type { MalformedNote } from './malformed.ts';
import { goneAs, toBeCounted } from './ungrouped.ts';

/** The fields that claims of failures and malformed deliveries share. */
export type Failed = Pick<Claim, '_id' | 'settledAt' | 'gone'> &
  Partial<Pick<Claim, 'item'>> & {
    outcome: { kind: string; reason: string | null; at: Date; requestId?: string | null } | null;
  };

/** A record as it is in the queue: its claim, and when the registration failed. */
export interface RecordSeen {
  claim: string | null;
  /** A claim with another one is not its own, and stays as it is. Left out where the claim itself was read. */
  token?: string | null;
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
  async function write(
    seen: readonly RecordSeen[],
    update: Document,
    onlyOf: (at: string | null) => Document = () => ({}),
  ): Promise<void> {
    const [ofMalformed, ofClaims] = [false, true].map((areClaims) =>
      seen.flatMap(({ claim, token, at }) => {
        if (claim === null || isClaim(claim) !== areClaims) return [];
        const own = areClaims && token !== undefined ? { token } : {};
        const filter: Document = { _id: claim, ...own, ...onlyOf(at) };
        return { updateOne: { filter, update } };
      }),
    );
    // `bulkWrite` takes no empty list.
    if (ofClaims?.length) await claims.collection.bulkWrite(ofClaims, { ordered: false });
    if (ofMalformed?.length) await malformed.collection.bulkWrite(ofMalformed, { ordered: false });
  }

  return {
    /**
     * They are on their way out of the queue. A claim that was taken up again since, and has ended anew, has another record
     * than this one. What we did counts more than what was found: only `taken` is ever overwritten.
     */
    left: (records: readonly RecordSeen[], as: GoneAs): Promise<void> =>
      write(records, { $set: goneAs(as) }, (at) => {
        const end = endOf(at);
        return {
          outcome: { $ne: null },
          'gone.as': as === 'taken' ? null : { $in: [null, 'taken'] },
          ...(end === null ? {} : { 'outcome.at': { $lte: new Date(end) } }),
        };
      }),
    /** They are in the queue all the same. */
    back: (records: readonly RecordSeen[]): Promise<void> =>
      write(records, { $set: toBeCounted(), $unset: { gone: '' } }),
  };
}

const isClaim = (key: string): boolean => readClaimKey(key) !== null;

/** Epoch ms. A record that does not say when is of whatever its claim ended with: null. */
function endOf(at: string | null): number | null {
  const time = Date.parse(at ?? '');
  return Number.isNaN(time) ? null : time;
}
