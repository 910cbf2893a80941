/**
 * Notes on deliveries that were no registrations, and so have no claim: these failures are listed with the others, and a
 * record that others have taken from the failure queue is told from one that was lost.
 */
import { bodyHashOf } from '../broker/body-hash.ts';
import { EXPIRY, OWN, type OwnDatabase } from '../mongo/collections.ts';
import { expireAfter } from '../mongo/indexes.ts';
import { foldedReason } from '../domain/failure-group.ts';
import { malformedKey } from '../domain/names.ts';
import type { Gone } from './claims.ts';
import { indexUngrouped, toBeCounted, type InGroup } from './ungrouped.ts';

export interface MalformedNote extends InGroup {
  /** By its bytes, see malformedKey; of a worker behind its name. */
  _id: string;
  /** Whose it would have been a task; none for registrations. */
  worker?: string;
  /** As in a claim. `at`: as its record says, the last time that it came. */
  outcome: { kind: 'malformed'; reason: string; group: string; at: Date };
  bytes: number;
  /** When its record was confirmed the last time. */
  settledAt: Date;
  gone?: Gone;
}

export async function indexMalformed(
  { collection }: Pick<ReturnType<typeof openMalformed>, 'collection'>,
  retentionMs: number,
): Promise<void> {
  await expireAfter(collection, EXPIRY[OWN.malformed], retentionMs);
  await indexUngrouped(collection);
}

export function openMalformed(db: OwnDatabase) {
  const collection = db.collection<MalformedNote>(OWN.malformed);
  return {
    collection,
    /** The broker has confirmed its failure record. Idempotent. */
    async note(
      body: Buffer,
      reason: string,
      at: Date,
      worker: string | null = null,
    ): Promise<void> {
      const outcome = { kind: 'malformed', reason, group: foldedReason(reason, []), at } as const;
      await collection.updateOne(
        { _id: noteKey(bodyHashOf(body), worker) },
        {
          $set: {
            ...{ outcome, bytes: body.length, ...toBeCounted() },
            ...(worker === null ? {} : { worker }),
          },
          $currentDate: { settledAt: true },
          $unset: { gone: '' },
        },
        { upsert: true },
      );
    },
    /** Of registrations. */
    all: () => collection.find(OF_NONE).toArray(),
  };
}

/** A filter: what is of no worker. */
export const OF_NONE = { worker: { $exists: false } } as const;

export const noteKey = (bodyHash: string, worker: string | null): string =>
  `${worker === null ? '' : `${worker}/`}${malformedKey(bodyHash)}`;
