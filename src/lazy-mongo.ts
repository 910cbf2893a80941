import type { Db } from 'mongodb';
import type { Config } from './config-schema.ts';
import { connectMongo } from './mongo.ts';
import type { Mongo } from './mongo.ts';

export interface LazyMongo {
  /** Connects when it is first asked, and again after a connection that failed. @throws as connectMongo */
  db(): Promise<Db>;
  close(): Promise<void>;
}

/** For a process that does not wait for MongoDB at its start. */
export function lazyMongo(config: Config): LazyMongo {
  let connecting: Promise<Mongo> | null = null;
  return {
    async db() {
      connecting ??= connectMongo(config).catch((error: unknown) => {
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
