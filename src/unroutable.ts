/** Outcomes that can never reach their destination, set aside with the message, for a person. */
import type { Collection, Db } from 'mongodb';
import type { Claim } from './claims.ts';
import { OWN } from './collections.ts';

export interface SetAsideDocument {
  /** The claim's. */
  _id: string;
  reason: string;
  at: Date;
  claim: Claim | null;
}

export interface Unroutable {
  /** Idempotent, by claim. */
  setAside(claim: Claim | undefined, key: string, reason: string): Promise<void>;
  /** Which of these claims were set aside. */
  among(claims: string[]): Promise<Set<string>>;
  count(): Promise<number>;
  collection: Collection<SetAsideDocument>;
}

export function openUnroutable(db: Db): Unroutable {
  const collection = db.collection<SetAsideDocument>(OWN.setAside);
  return {
    collection,
    async setAside(claim, key, reason) {
      const document = { reason, at: new Date(), claim: claim ?? null };
      await collection.updateOne({ _id: key }, { $setOnInsert: document }, { upsert: true });
    },
    async among(claims) {
      const found = collection.find({ _id: { $in: claims } }).project<{ _id: string }>({ _id: 1 });
      return new Set((await found.toArray()).map(({ _id }) => _id));
    },
    count: () => collection.countDocuments(),
  };
}
