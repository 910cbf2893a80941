import type { Db } from 'mongodb';
import type { Config } from './config-schema.ts';
import type { Mongo } from './mongo.ts';
import { openDatabase } from './own-database.ts';

export interface LazyMongo {
  /** Connects when it is first asked, and again after that failed. @throws as openDatabase for a writer */
  db(): Promise<Db>;
  close(): Promise<void>;
}

/** For a process that does not wait for MongoDB at its start. */
export function lazyMongo(config: Config): LazyMongo {
  let connecting: Promise<Mongo> | null = null;
  return {
    async db() {
      connecting ??= openDatabase(config, 'writer').catch((error: unknown) => {
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
