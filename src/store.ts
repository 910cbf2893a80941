import { openClaims } from './claims.ts';
import { createClock } from './clock.ts';
import type { Config } from './config-schema.ts';
import { openControl } from './control.ts';
import { openJournal } from './journal.ts';
import { openLatencies } from './latencies.ts';
import { connectMongo } from './mongo.ts';
import { openResults } from './results.ts';
import { openUnroutable } from './unroutable.ts';

export type Store = Awaited<ReturnType<typeof openStore>>;

/** Everything we keep in MongoDB, over one client. @throws Error that names the masked address */
export async function openStore(config: Config) {
  const mongo = await connectMongo(config);
  const { retention } = config.mongodb;
  const clock = createClock();
  return {
    db: mongo.db,
    clock,
    claims: await openClaims(mongo.db, retention),
    control: openControl(mongo.db),
    journal: await openJournal(mongo.db, retention, clock),
    latencies: openLatencies(mongo.db, config, clock),
    results: openResults(mongo.db, config.mongodb),
    unroutable: openUnroutable(mongo.db),
    close: () => mongo.close(),
  };
}
