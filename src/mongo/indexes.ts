/** Indexes of our own collections. A user who may not make them may work with those that somebody else has made. */
import { isDeepStrictEqual } from 'node:util';
import {
  MongoServerError,
  type Collection,
  type CreateIndexesOptions,
  type Document,
  type IndexDescriptionInfo,
} from 'mongodb';
import type { Expiry } from './collections.ts';

const UNAUTHORIZED = 13;
/** Codes of an index that is there with other options. */
const THERE_OTHERWISE: readonly unknown[] = [85, 86];

/** Names the collection in a line for mongosh, which takes a name with a hyphen for a subtraction. */
export const inMongosh = (database: string, collection: string): string =>
  `db.getSiblingDB(${JSON.stringify(database)}).getCollection(${JSON.stringify(collection)})`;

/** @throws Error with the line for mongosh, where it is missing and we may not make it */
export async function ensureIndex<T extends Document>(
  collection: Collection<T>,
  key: Record<string, 1>,
  options: CreateIndexesOptions = {},
): Promise<void> {
  try {
    await collection.createIndex(key, options);
  } catch (error) {
    if (!(error instanceof MongoServerError) || error.code !== UNAUTHORIZED) throw error;
    const isThere = (index: IndexDescriptionInfo): boolean =>
      isDeepStrictEqual(index.key, key) &&
      index.expireAfterSeconds === options.expireAfterSeconds &&
      isDeepStrictEqual(index.partialFilterExpression, options.partialFilterExpression);
    if ((await collection.indexes()).some(isThere)) return;
    const { dbName, collectionName } = collection;
    const made = [key, options].map((each) => JSON.stringify(each)).join(', ');
    throw new Error(
      `The user of MONGODB_URI may not make indexes in the database "${dbName}", and one is missing. Give it the role readWrite there, or make it in mongosh: ${inMongosh(dbName, collectionName)}.createIndex(${made})`,
      { cause: error },
    );
  }
}

export async function expireAfter<T extends Document>(
  collection: Collection<T>,
  { field, only }: Expiry,
  ms: number,
): Promise<void> {
  const expireAfterSeconds = Math.ceil(ms / 1000);
  const filter = only === undefined ? {} : { partialFilterExpression: { ...only } };
  try {
    await ensureIndex(collection, { [field]: 1 }, { expireAfterSeconds, ...filter });
  } catch (error) {
    if (!(error instanceof MongoServerError) || !THERE_OTHERWISE.includes(error.code)) throw error;
    // It is there for another time.
    const index = { keyPattern: { [field]: 1 }, expireAfterSeconds };
    await collection.db.command({ collMod: collection.collectionName, index });
  }
}
