/** `unroutable`: outcomes that can never reach their destination, set aside with the message, for a person. */
import type { Db } from 'mongodb';
import type { Claim } from './claims.ts';

export interface Unroutable {
  /** Idempotent, by claim. */
  setAside(claim: Claim | undefined, key: string, reason: string): Promise<void>;
  count(): Promise<number>;
}

export function openUnroutable(db: Db): Unroutable {
  const collection = db.collection<{ _id: string; reason: string; at: Date; claim: Claim | null }>(
    'unroutable',
  );
  return {
    async setAside(claim, key, reason) {
      const document = { reason, at: new Date(), claim: claim ?? null };
      await collection.updateOne({ _id: key }, { $setOnInsert: document }, { upsert: true });
    },
    count: () => collection.countDocuments(),
  };
}
