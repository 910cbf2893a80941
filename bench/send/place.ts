/** A database, a task queue and a folder of its own for one run of a bench that sends. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Collection } from 'mongodb';
import { loadConfig } from '../../src/config/load.ts';
import type { Config } from '../../src/config/schema.ts';
import { OWN } from '../../src/mongo/collections.ts';
import { openDatabase } from '../../src/mongo/own-database.ts';
import { startChild } from '../../src/runtime/child.ts';
import type { TaskClaim } from '../../src/tasks/claims.ts';
import { startReceiver, spentBy, type Receiver, type Spent } from './receiving.ts';

export interface Place {
  name: string;
  folder: string;
  config: Config;
  receiver: Receiver;
  claims: Collection<TaskClaim>;
  /** Runs ours until so many have settled. */
  ours: (args: string[], count: number) => Promise<Spent>;
  /** When the last claim was settled, ms since 1970. */
  settledAt: () => Promise<number>;
}

export async function inPlace<T>(work: (place: Place) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'despachante-bench-send-'));
  const name = `bench-${Date.now().toString(36)}`;
  const env = {
    DESPACHANTE_MONGODB_DATABASE: name,
    DESPACHANTE_TEMPORAL_TASK_QUEUE: name,
    DESPACHANTE_SWEEPER_ENABLED: 'false',
    // As in production.
    ENCRYPTION_KEYS: `bench:${Buffer.alloc(32, 1).toString('base64')}`,
  };
  const { config } = loadConfig({ env: { ...process.env, ...env } });
  const receiver = await startReceiver();
  const mongo = await openDatabase(config, 'writer');
  const claims = mongo.own.collection<TaskClaim>(OWN.taskClaims);
  try {
    return await work({
      ...{ name, folder, config, receiver, claims },
      async ours(args, count) {
        const logFile = join(folder, 'ours.log');
        const child = await startChild({ args: [...args, '--port', '0'], env, logFile });
        try {
          return await spentBy(child, count);
        } finally {
          await child.stop();
        }
      },
      async settledAt() {
        const last = await claims.find({}).sort({ settledAt: -1 }).limit(1).next();
        return last?.settledAt?.getTime() ?? Infinity;
      },
    });
  } finally {
    await receiver.stop();
    await mongo.db.dropDatabase().catch(() => {});
    await mongo.close();
    rmSync(folder, { recursive: true });
  }
}
