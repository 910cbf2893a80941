/** Outcomes and messages that can never reach their destination, set aside for a person. */
import { Binary } from 'mongodb';
import { bodyHashOf } from '../broker/body-hash.ts';
import type { Message } from '../broker/source.ts';
import type { Claim } from './claims.ts';
import { OWN, type OwnDatabase } from '../mongo/collections.ts';
import { malformedKey } from '../domain/names.ts';

export interface SetAsideDocument {
  /** The claim's, or that of a malformed message. */
  _id: string;
  reason: string;
  at: Date;
  claim: Claim | null;
  /** Of what has no claim. */
  message?: { body: Binary; properties: string };
}

export type WhySetAside = Pick<SetAsideDocument, 'reason' | 'at'>;

export type SetAside = ReturnType<typeof openSetAside>;

export type MalformedMessage = Pick<Message, 'body' | 'properties'>;

/** MongoDB's limit is 16 MiB; properties and the rest are a tenth of the difference. */
const MOST_BYTES = 15 * 1024 * 1024;

export function openSetAside(db: OwnDatabase) {
  const collection = db.collection<SetAsideDocument>(OWN.setAside);
  return {
    collection,
    /** Idempotent, by claim. */
    async put(claim: Claim | undefined, key: string, reason: string): Promise<void> {
      const document = { reason, at: new Date(), claim: claim ?? null };
      await collection.updateOne({ _id: key }, { $setOnInsert: document }, { upsert: true });
    },
    /** A malformed delivery, which has no claim. Idempotent, by its bytes. False, and nothing is done, where it is too large. */
    async putMalformed({ body, properties }: MalformedMessage, reason: string): Promise<boolean> {
      if (body.length > MOST_BYTES) return false;
      const message = { body: new Binary(body), properties };
      const document = { reason, at: new Date(), claim: null, message };
      const _id = malformedKey(bodyHashOf(body));
      await collection.updateOne({ _id }, { $setOnInsert: document }, { upsert: true });
      return true;
    },
    /** Why and when claims were set aside: of those that were. */
    async reasons(claims: string[]): Promise<Map<string, WhySetAside>> {
      if (claims.length === 0) return new Map();
      const found = await collection
        .find({ _id: { $in: claims } }, { projection: { reason: 1, at: 1 } })
        .toArray();
      return new Map(found.map(({ _id, reason, at }) => [_id, { reason, at }]));
    },
    count: () => collection.countDocuments(),
  };
}
