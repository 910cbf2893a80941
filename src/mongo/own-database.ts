/** The only way to our collections: it refuses somebody else's. */
import type { Config } from '../config/schema.ts';
import { explainRefusal } from './refusals.ts';
import { connectMongo, type Mongo } from './client.ts';
import { refuseForeign, takeOwnership } from './ownership.ts';

/**
 * What opening it may do: a reader makes nothing, a writer marks our collections as ours, a worker makes their indexes, too.
 * Whoever only changes documents that are there is a reader.
 */
export type Opener = 'reader' | 'writer' | 'worker';

/** @throws Error that names the masked address; NotOurs where a collection of our names is somebody else's */
export async function openDatabase(config: Config, as: Opener): Promise<Mongo> {
  const mongo = await connectMongo(config);
  await closedIfItFails(config, mongo, ({ db }) =>
    as === 'reader'
      ? refuseForeign(db, config.mongodb.ownPrefix)
      : takeOwnership(db, config.mongodb.ownPrefix),
  );
  return mongo;
}

/** @throws what `work` throws, explained, after the connection was closed */
export async function closedIfItFails(
  config: Config,
  mongo: Mongo,
  work: (mongo: Mongo) => Promise<unknown>,
): Promise<void> {
  try {
    await work(mongo);
  } catch (error) {
    await mongo.close();
    throw explainRefusal(config, mongo.db.databaseName, error);
  }
}
