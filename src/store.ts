import { openClaims } from './claims.ts';
import { createClock } from './clock.ts';
import type { Config } from './config-schema.ts';
import { openControl } from './control.ts';
import { openJournal } from './journal.ts';
import { openLatencies } from './latencies.ts';
import { connectMongo } from './mongo.ts';
import { openResults } from './results.ts';
import { openUnroutable } from './unroutable.ts';

const DAY_MS = 24 * 3_600_000;

export type Store = Awaited<ReturnType<typeof openStore>>;

/**
 * Everything we keep in MongoDB, over one client. `mayChange`: whether what is kept follows the retention of this configuration:
 * a worker's does, not that of a command which may have been given another one.
 * @throws Error that names the masked address
 */
export async function openStore(config: Config, { mayChange = false } = {}) {
  const mongo = await connectMongo(config);
  const { maxOpen, deadline } = config.legacy;
  const retention = { ms: config.mongodb.retention, mayChange };
  // A claim is kept from its settlement on, and its entry from the POST: it must not go first, or count as never sent.
  const longer = { ms: retention.ms + Math.max(maxOpen, deadline) + DAY_MS, mayChange };
  const clock = createClock();
  return {
    db: mongo.db,
    clock,
    claims: await openClaims(mongo.db, retention),
    control: openControl(mongo.db),
    journal: await openJournal(mongo.db, longer, clock),
    latencies: openLatencies(mongo.db, config, clock),
    results: openResults(mongo.db, config.mongodb),
    unroutable: openUnroutable(mongo.db),
    close: () => mongo.close(),
  };
}
