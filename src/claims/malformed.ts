/**
 * Which deliveries were no registrations. They have no claim: this stands for it, so that such failures are listed with the
 * others, and a record that others have taken from the failure queue is told from one that was lost.
 */
import type { Collection } from 'mongodb';
import { bodyHashOf } from '../broker/body-hash.ts';
import { EXPIRY, OWN, type OwnDatabase } from '../mongo/collections.ts';
import { foldedReason } from '../domain/failure-group.ts';
import { malformedKey } from '../domain/names.ts';
import { expireAfter } from '../mongo/indexes.ts';
import type { Gone } from './gone.ts';

export interface MalformedNote {
  /** By its bytes, see malformedKey. */
  _id: string;
  /** As in a claim. `at`: as its record says, the last time that it came. */
  outcome: { kind: 'malformed'; reason: string; group: string; at: Date };
  bytes: number;
  /** When its record was confirmed the last time. */
  settledAt: Date;
  /** As in a claim. */
  gone?: Gone;
}

export interface MalformedNotes {
  /** The broker has confirmed its failure record. Idempotent. */
  note(body: Buffer, reason: string, at: Date): Promise<void>;
  all(): Promise<MalformedNote[]>;
  collection: Collection<MalformedNote>;
}

/** Makes the index by which notes expire. */
export const indexMalformed = (
  { collection }: MalformedNotes,
  retentionMs: number,
): Promise<void> => expireAfter(collection, EXPIRY[OWN.malformed], retentionMs);

export function openMalformed(db: OwnDatabase): MalformedNotes {
  const collection = db.collection<MalformedNote>(OWN.malformed);
  return {
    collection,
    async note(body, reason, at) {
      const outcome = { kind: 'malformed', reason, group: foldedReason(reason, []), at } as const;
      await collection.updateOne(
        { _id: malformedKey(bodyHashOf(body)) },
        {
          $set: { outcome, bytes: body.length },
          $currentDate: { settledAt: true },
          $unset: { gone: '' },
        },
        { upsert: true },
      );
    },
    all: () => collection.find({}).toArray(),
  };
}
