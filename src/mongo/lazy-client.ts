import type { Config } from '../config/schema.ts';
import type { Mongo } from './client.ts';
import type { OwnDatabase } from './collections.ts';
import { openDatabase } from './own-database.ts';
import { NotOurs } from './ownership.ts';

export interface LazyMongo {
  /** Connects when it is first asked, and again after that failed. @throws as openDatabase for a writer */
  db(): Promise<OwnDatabase>;
  /** Resolves once the database turns out not to be ours, which no waiting mends. */
  refused: Promise<NotOurs>;
  close(): Promise<void>;
}

/** For a process that does not wait for MongoDB at its start. */
export function lazyMongo(config: Config): LazyMongo {
  let connecting: Promise<Mongo> | null = null;
  let refuse: (why: NotOurs) => void = () => {};
  const refused = new Promise<NotOurs>((resolve) => (refuse = resolve));
  return {
    refused,
    async db() {
      connecting ??= openDatabase(config, 'writer').catch((error: unknown) => {
        connecting = null;
        if (error instanceof NotOurs) refuse(error);
        throw error;
      });
      return (await connecting).own;
    },
    async close() {
      const mongo = await connecting?.catch(() => null);
      await mongo?.close();
    },
  };
}
