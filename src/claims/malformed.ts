/**
 * Which deliveries were no registrations. They have no claim: without a note of ours nobody could tell a record that others
 * have taken from the failure queue from one that was lost.
 */
import type { Collection, Db } from 'mongodb';
import { bodyHashOf } from '../broker/body-hash.ts';
import { EXPIRY, OWN } from '../mongo/collections.ts';
import { malformedKey } from '../domain/names.ts';
import { expireAfter } from '../mongo/client.ts';

export interface MalformedNote {
  /** By its bytes, see malformedKey. */
  _id: string;
  reason: string;
  /** When its record was confirmed the last time. */
  at: Date;
  /** When an operator dropped that record. */
  droppedAt?: Date;
}

export interface MalformedNotes {
  /** The broker has confirmed its failure record. Idempotent. */
  note(body: Buffer, reason: string): Promise<void>;
  /** Their failure records were dropped by an operator; other keys are passed over. */
  noteDropped(keys: string[]): Promise<void>;
  all(): Promise<MalformedNote[]>;
  collection: Collection<MalformedNote>;
}

/** Makes the index by which notes expire. */
export const indexMalformed = (
  { collection }: MalformedNotes,
  retentionMs: number,
): Promise<void> => expireAfter(collection, EXPIRY[OWN.malformed], retentionMs);

export function openMalformed(db: Db): MalformedNotes {
  const collection = db.collection<MalformedNote>(OWN.malformed);
  return {
    collection,
    async note(body, reason) {
      const changes = { $set: { reason, at: new Date() }, $unset: { droppedAt: true as const } };
      const _id = malformedKey(bodyHashOf(body));
      await collection.updateOne({ _id }, changes, { upsert: true });
    },
    async noteDropped(keys) {
      await collection.updateMany({ _id: { $in: keys } }, { $set: { droppedAt: new Date() } });
    },
    all: () => collection.find({}).toArray(),
  };
}
