/**
 * Notes on a claim whether its failure record is still in the queue, as far as is known. Nobody looks into the queue for it: each
 * look counts there as a delivery. A malformed delivery has a document of its own instead of a claim.
 */
import type { Collection, Document } from 'mongodb';
import { readClaimKey } from '../domain/names.ts';
import type { Claim } from './claims.ts';
import type { GoneAs } from './gone.ts';
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
  /** `bulkWrite` takes no empty list. */
  const write = async (updates: ByKeys[]): Promise<void> => {
    const [own, others] = [claims.collection, malformed.collection];
    const ofClaims = modelsOf(updates, isClaim);
    const ofMalformed = modelsOf(updates, (key) => !isClaim(key));
    if (ofClaims.length > 0) await own.bulkWrite(ofClaims, { ordered: false });
    if (ofMalformed.length > 0) await others.bulkWrite(ofMalformed, { ordered: false });
  };
  return {
    left: (records, as) =>
      write(
        endsOf(records).map(([end, keys]) => ({
          keys,
          only: {
            outcome: { $ne: null },
            'gone.as': as === 'taken' ? null : { $in: [null, 'taken'] },
            ...(end === null ? {} : { 'outcome.at': { $lte: new Date(end) } }),
          },
          update: { $set: { gone: { as, at: new Date() } } },
        })),
      ),
    back: (keys) => write([{ keys, only: {}, update: { $unset: { gone: '' } } }]),
  };
}

/** An update of all documents with these keys that are as `only` says. */
interface ByKeys {
  keys: readonly string[];
  only: Document;
  update: Document;
}

/** A malformed delivery has no claim, and a key that is none. */
const isClaim = (key: string): boolean => readClaimKey(key) !== null;

const modelsOf = (updates: readonly ByKeys[], isMeant: (key: string) => boolean) =>
  updates.flatMap(({ keys, only, update }) => {
    const meant = keys.filter(isMeant);
    const filter: Document = { _id: { $in: meant }, ...only };
    return meant.length === 0 ? [] : [{ updateMany: { filter, update } }];
  });

/** The claims of records by the time of their end: a statement for each, and one for all that do not say when. */
function endsOf(records: readonly RecordSeen[]): [end: number | null, keys: string[]][] {
  const ends = new Map<number | null, string[]>();
  for (const { claim, at } of records) {
    if (claim === null) continue;
    const end = endOf(at);
    const keys = ends.get(end);
    if (keys === undefined) ends.set(end, [claim]);
    else keys.push(claim);
  }
  return [...ends];
}

/** Epoch ms. Of a record that does not say when, nothing is known: it is of whatever the claim ended with. */
function endOf(at: string | null): number | null {
  const time = Date.parse(at ?? '');
  return Number.isNaN(time) ? null : time;
}
