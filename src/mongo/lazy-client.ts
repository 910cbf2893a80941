import type { Config } from '../config/schema.ts';
import type { Mongo } from './client.ts';
import type { OwnDatabase } from './collections.ts';
import { openDatabase, type Opener } from './own-database.ts';
import { NotOurs } from './ownership.ts';

/** For a process that does not wait for MongoDB at its start. */
export function lazyMongo(config: Config, as: Opener = 'writer') {
  let connecting: Promise<Mongo> | null = null;
  const { promise: refused, resolve: refuse } = Promise.withResolvers<NotOurs>();
  return {
    /** Resolves once the database turns out not to be ours, which no waiting mends. */
    refused,
    /** Connects when it is first asked, and again after that failed. @throws as openDatabase */
    async db(): Promise<OwnDatabase> {
      connecting ??= openDatabase(config, as).catch((error: unknown) => {
        connecting = null;
        if (error instanceof NotOurs) refuse(error);
        throw error;
      });
      return (await connecting).own;
    },
    async close(): Promise<void> {
      const mongo = await connecting?.catch(() => null);
      await mongo?.close();
    },
  };
}
