/** The user's collection: the status of a registration, written once it is registered. */
import type { Db, Document } from 'mongodb';
import type { Config } from './config-schema.ts';
import { partialFailure } from './mongo.ts';

export interface Result {
  id: string;
  requestId: string | null;
  registeredAt: Date;
}

export type Written = 'written' | 'missing' | 'later' | { permanent: string };

export interface Results {
  /** Writes the status of each, idempotently; answers in the same order. @throws what MongoDB throws when nothing was written */
  write(results: Result[]): Promise<Written[]>;
  find(id: string): Promise<Document | null>;
  count(): Promise<number>;
}

export function openResults(db: Db, mongodb: Config['mongodb']): Results {
  const collection = db.collection(mongodb.collection);
  return {
    async write(results) {
      const written = results.map((): Written => 'written');
      const operations = results.map(({ id, requestId, registeredAt }) => ({
        updateOne: {
          filter: { [mongodb.match]: id },
          update: {
            $set: { [mongodb.statusField]: mongodb.registeredWord, requestId, registeredAt },
          },
          upsert: mongodb.upsert,
        },
      }));
      let matched = results.length;
      try {
        const { matchedCount, upsertedCount } = await collection.bulkWrite(operations, {
          ordered: false,
        });
        matched = matchedCount + upsertedCount;
      } catch (error) {
        const { duplicates, permanent, transient } = partialFailure(error);
        // Two upserts of one id can both try to insert; the one that lost finds the document the next time.
        for (const index of [...duplicates, ...transient]) written[index] = 'later';
        for (const [index, reason] of permanent) written[index] = { permanent: reason };
        matched = mongodb.upsert ? results.length : 0;
      }
      if (matched < results.length && !mongodb.upsert) await markMissing(results, written);
      return written;
    },
    find: (id) => collection.findOne({ [mongodb.match]: id }),
    count: () => collection.countDocuments({ [mongodb.statusField]: mongodb.registeredWord }),
  };

  async function markMissing(results: Result[], written: Written[]): Promise<void> {
    const ids = results.map(({ id }) => id);
    const found = await collection
      .find({ [mongodb.match]: { $in: ids } }, { projection: { [mongodb.match]: 1 } })
      .toArray();
    const there = new Set(found.map((document) => String(document[mongodb.match])));
    results.forEach(({ id }, index) => {
      if (written[index] === 'written' && !there.has(id)) written[index] = 'missing';
    });
  }
}
