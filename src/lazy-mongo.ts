import type { Db } from 'mongodb';
import type { Config } from './config-schema.ts';
import { explainRefusal } from './mongo-refusals.ts';
import { connectMongo } from './mongo.ts';
import type { Mongo } from './mongo.ts';
import { takeOwnership } from './ownership.ts';

export interface LazyMongo {
  /** Connects when it is first asked, and again after that failed. @throws as openStore for a writer */
  db(): Promise<Db>;
  close(): Promise<void>;
}

async function connectOwn(config: Config): Promise<Mongo> {
  const mongo = await connectMongo(config);
  try {
    await takeOwnership(mongo.db);
    return mongo;
  } catch (error) {
    await mongo.close();
    throw explainRefusal(config, mongo.db.databaseName, error);
  }
}

/** For a process that does not wait for MongoDB at its start. */
export function lazyMongo(config: Config): LazyMongo {
  let connecting: Promise<Mongo> | null = null;
  return {
    async db() {
      connecting ??= connectOwn(config).catch((error: unknown) => {
        connecting = null;
        throw error;
      });
      return (await connecting).db;
    },
    async close() {
      await connecting?.then(
        (mongo) => mongo.close(),
        () => {},
      );
    },
  };
}
