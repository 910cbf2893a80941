import {
  MongoBulkWriteError,
  MongoClient,
  MongoNetworkError,
  MongoServerError,
  MongoServerSelectionError,
  type Collection,
  type Db,
  type Document,
  type MongoClientOptions,
  type OptionalUnlessRequiredId,
  type WriteError,
} from 'mongodb';
import { ownIn, type OwnDatabase } from './collections.ts';
import { databaseOf, ownDatabaseOf } from '../config/mongodb.ts';
import type { Config } from '../config/schema.ts';
import { errorFacts } from '../runtime/log.ts';
import { maskUrl } from '../runtime/mask.ts';
import { readTls, unreachable, withTlsTrouble } from '../net/tls.ts';

export interface Mongo {
  /** That of our own collections. */
  db: Db;
  own: OwnDatabase;
  /** That of the user's collection; the same, unless `mongodb.ownDatabase` names another. */
  theirs: Db;
  close: () => Promise<void>;
}

/**
 * Connects, with writes that a majority has in its journal: a standalone flushes it each 100 ms only, so without
 * `journal` a killed server loses what it acknowledged. Every operation has a deadline.
 * @throws Error that names the masked address
 */
export async function connectMongo(config: Config): Promise<Mongo> {
  const client = clientOf(config);
  try {
    await client.connect();
    const { database, ownPrefix } = config.mongodb;
    const theirs = client.db(database ?? databaseOf(config.mongodbUri));
    const db = client.db(ownDatabaseOf(config));
    return { db, own: ownIn(db, ownPrefix), theirs, close: () => client.close() };
  } catch (error) {
    await client.close();
    throw cannotConnect(config, error);
  }
}

function clientOf(config: Config): MongoClient {
  const { caFile, certFile } = config.mongodb.tls;
  const options: MongoClientOptions = {
    appName: 'despachante',
    writeConcern: { w: 'majority', journal: true },
    readConcern: { level: 'majority' },
    readPreference: 'primary',
    retryWrites: true,
    serverSelectionTimeoutMS: 10_000,
    connectTimeoutMS: 5_000,
    socketTimeoutMS: 30_000,
    maxPoolSize: 20,
    ...(caFile === null && certFile === null ? {} : { tls: true, ...readTls(config.mongodb.tls) }),
  };
  try {
    return new MongoClient(config.mongodbUri, options);
  } catch (error) {
    throw cannotConnect(config, error);
  }
}

function cannotConnect({ mongodbUri }: Config, error: unknown): Error {
  const why = withTlsTrouble(errorFacts(error).error, error, 'mongodb');
  const sentence = `Cannot connect to MongoDB at ${maskUrl(mongodbUri)}: ${why}`;
  // A password that is wrong now is wrong in a minute, too.
  const isAway = error instanceof MongoNetworkError || error instanceof MongoServerSelectionError;
  return isAway ? unreachable(sentence, error, 'mongodb') : new Error(sentence, { cause: error });
}

/** Codes of writes that can never succeed, however often they are tried (mongodb/docs error codes). */
const PERMANENT = new Set([
  2, // BadValue
  9, // FailedToParse
  14, // TypeMismatch
  52, // DollarPrefixedFieldName
  66, // ImmutableField
  121, // DocumentValidationFailure
  10334, // BSONObjectTooLarge
  17280, // key too large to index
  17419, // resulting document too large
]);

const DUPLICATE_KEY = 11_000;

/** Whether a single write met a key that is there already. */
export const isDuplicateKey = (error: unknown): boolean =>
  error instanceof MongoServerError && error.code === DUPLICATE_KEY;

/** The failures of an unordered bulk write: indexes of operations. @throws the error itself when it is no such failure */
export function partialFailure(error: unknown) {
  if (!(error instanceof MongoBulkWriteError)) throw error;
  const failure = {
    duplicates: new Set<number>(),
    permanent: new Map<number, string>(),
    transient: new Set<number>(),
    matchedCount: error.matchedCount,
  };
  const list: WriteError[] = [error.writeErrors].flat();
  if (list.length === 0) throw error;
  for (const { index, code, errmsg } of list) {
    if (code === DUPLICATE_KEY) failure.duplicates.add(index);
    else if (PERMANENT.has(code)) failure.permanent.set(index, `MongoDB ${code}: ${errmsg ?? ''}`);
    else failure.transient.add(index);
  }
  return failure;
}

/** Inserts what is new. Returns the indexes of those whose key is taken. @throws what MongoDB throws for any other reason */
export async function insertNew<T extends Document>(
  collection: Collection<T>,
  documents: OptionalUnlessRequiredId<T>[],
): Promise<Set<number>> {
  if (documents.length === 0) return new Set();
  try {
    await collection.insertMany(documents, { ordered: false });
    return new Set();
  } catch (error) {
    const { duplicates, permanent, transient } = partialFailure(error);
    if (permanent.size + transient.size > 0) throw error;
    return duplicates;
  }
}
