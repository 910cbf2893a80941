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

/** @throws Error with the line for mongosh, where it is missing and we may not make it, or is there with other options */
export async function ensureIndex<T extends Document>(
  collection: Collection<T>,
  key: Record<string, 1>,
  options: CreateIndexesOptions = {},
): Promise<void> {
  const cause = await madeOtherwise(collection, key, options);
  if (cause === null) return;
  const { dbName, collectionName } = collection;
  const index = JSON.stringify(key);
  throw new Error(
    `The index ${index} in the database "${dbName}" is there with other options: another version has made it, or somebody. Drop it in mongosh and start again, which makes it anew: ${inMongosh(dbName, collectionName)}.dropIndex(${index})`,
    { cause },
  );
}

/** Null, or the error where it is there with other options. @throws as ensureIndex */
async function madeOtherwise<T extends Document>(
  collection: Collection<T>,
  key: Record<string, 1>,
  options: CreateIndexesOptions,
): Promise<MongoServerError | null> {
  try {
    await collection.createIndex(key, options);
    return null;
  } catch (error) {
    if (!(error instanceof MongoServerError)) throw error;
    if (THERE_OTHERWISE.includes(error.code)) return error;
    if (error.code !== UNAUTHORIZED) throw error;
    const there = (await collection.indexes()).filter(
      (index: IndexDescriptionInfo) =>
        isDeepStrictEqual(index.key, key) &&
        isDeepStrictEqual(index.partialFilterExpression, options.partialFilterExpression),
    );
    if (there.some((index) => index.expireAfterSeconds === options.expireAfterSeconds)) return null;
    if (there.length > 0) return error;
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
  const other = await madeOtherwise(collection, { [field]: 1 }, { expireAfterSeconds, ...filter });
  if (other === null) return;
  // It is there for another time.
  const index = { keyPattern: { [field]: 1 }, expireAfterSeconds };
  await collection.db.command({ collMod: collection.collectionName, index });
}
