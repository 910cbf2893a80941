/** The user's collection: the status of a registration, written once it is registered. */
import { MongoServerError } from 'mongodb';
import type { Db, Document } from 'mongodb';
import type { Config } from './config-schema.ts';
import { partialFailure } from './mongo.ts';
import { setEach } from './set-each.ts';

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
  const { match, statusField, registeredWord, upsert } = mongodb;
  // Only _id is unique for certain: by another field an insert could make a second document beside the user's own. So what
  // is inserted has an _id of ours then, too, and of two writes that overlap the second meets the first.
  const insertsFirst = upsert && match === '_id';
  return {
    async write(results) {
      try {
        return await (insertsFirst ? insertFirst(results) : writeTogether(results));
      } catch (error) {
        // One document that its collection refuses fails the statement for all: one by one, each has its own fate.
        if (error instanceof MongoServerError) return writeOneByOne(results);
        throw error;
      }
    },
    find: (id) => collection.findOne({ [match]: id }),
    count: () => collection.countDocuments({ [statusField]: registeredWord }),
  };

  /** Most are new: one statement writes them, and who is there already is updated in another. */
  async function insertFirst(results: Result[]): Promise<Written[]> {
    try {
      await collection.insertMany(results.map(documentOf), { ordered: false });
      return results.map(() => 'written');
    } catch (error) {
      const { duplicates, permanent, transient } = partialFailure(error);
      if (duplicates.size === 0 || permanent.size + transient.size > 0) throw error;
      const there = results.filter((_, index) => duplicates.has(index));
      const written = await writeTogether(there);
      const fates = new Map(there.map((result, index) => [result, written[index] ?? 'later']));
      return results.map((result) => fates.get(result) ?? 'written');
    }
  }

  /** Updates what is there in one statement and inserts what is not: far cheaper than as many upserts. */
  async function writeTogether(results: Result[]): Promise<Written[]> {
    const ids = results.map(({ id }) => id);
    const { matchedCount } = await collection.updateMany(
      { [match]: { $in: ids } },
      setEach(match, ids, {
        [statusField]: results.map(() => registeredWord),
        requestId: results.map(({ requestId }) => requestId),
        registeredAt: results.map(({ registeredAt }) => registeredAt),
      }),
    );
    const there = matchedCount === 0 ? new Set<unknown>() : await findIds(ids);
    const missing = results.filter(({ id }) => !there.has(id));
    if (missing.length > 0 && upsert) {
      await collection.insertMany(missing.map(documentOf), { ordered: false });
    }
    const isMissing = new Set(upsert ? [] : missing.map(({ id }) => id));
    return results.map(({ id }) => (isMissing.has(id) ? 'missing' : 'written'));
  }

  async function writeOneByOne(results: Result[]): Promise<Written[]> {
    const written = results.map((): Written => 'written');
    const operations = results.map((result) => ({
      updateOne: {
        filter: { [match]: result.id },
        update: {
          $set: fieldsOf(result),
          ...(match === '_id' ? {} : { $setOnInsert: { _id: result.id } }),
        },
        upsert,
      },
    }));
    try {
      await collection.bulkWrite(operations, { ordered: false });
    } catch (error) {
      const { duplicates, permanent, transient } = partialFailure(error);
      for (const index of transient) written[index] = 'later';
      // Two upserts of one id can both try to insert; the one that lost finds the document the next time. Where there is
      // none, another unique index of the collection refuses it, and always will.
      const there = await findIds([...duplicates].map((index) => results[index]?.id ?? ''));
      for (const index of duplicates) {
        const isThere = there.has(results[index]?.id);
        written[index] = isThere ? 'later' : { permanent: 'refused by a unique index (11000)' };
      }
      for (const [index, reason] of permanent) written[index] = { permanent: reason };
    }
    if (upsert) return written;
    const there = await findIds(results.map(({ id }) => id));
    return written.map((fate, index) =>
      fate === 'written' && !there.has(results[index]?.id) ? 'missing' : fate,
    );
  }

  function documentOf(result: Result): Document {
    return { _id: result.id, [match]: result.id, ...fieldsOf(result) };
  }

  function fieldsOf({ requestId, registeredAt }: Result): Document {
    return { [statusField]: registeredWord, requestId, registeredAt };
  }

  async function findIds(ids: string[]): Promise<Set<unknown>> {
    const found = await collection
      .find({ [match]: { $in: ids } }, { projection: { [match]: 1 } })
      .toArray();
    return new Set(found.map((document): unknown => document[match]));
  }
}
