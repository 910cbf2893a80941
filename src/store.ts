import { indexClaims, openClaims } from './claims.ts';
import { createClock } from './clock.ts';
import type { Config } from './config-schema.ts';
import { openControl } from './control.ts';
import { indexJournal, openJournal } from './journal.ts';
import { labelOf } from './label.ts';
import { openLatencies } from './latencies.ts';
import { indexMalformed, openMalformed } from './malformed.ts';
import { explainRefusal } from './mongo-refusals.ts';
import { connectMongo } from './mongo.ts';
import { refuseExpiry, refuseForeign, takeOwnership } from './ownership.ts';
import { openResults } from './results.ts';
import { soundOnly } from './sound-claims.ts';
import type { TellOdd } from './sound-claims.ts';
import { openUnroutable } from './unroutable.ts';

const DAY_MS = 24 * 3_600_000;

export type Store = Awaited<ReturnType<typeof openStore>>;

/**
 * What opening it may do: a reader makes nothing, a writer marks our collections as ours, a worker makes their indexes, too.
 * Whoever only changes documents that are there is a reader.
 */
export type Opener = 'reader' | 'writer' | 'worker';

const tellOperator: TellOdd = (sentence) => void process.stderr.write(`${sentence}\n`);

/**
 * Everything we keep in MongoDB, over one client.
 * @throws Error that names the masked address; NotOurs where a collection of our names is somebody else's
 */
export async function openStore(config: Config, as: Opener, tell: TellOdd = tellOperator) {
  const { db, close } = await connectMongo(config);
  const { retention } = config.mongodb;
  const { maxOpen, deadline } = config.legacy;
  // A claim is kept from its settlement on, and its entry from the POST: it must not go first, or count as never sent.
  const longer = retention + Math.max(maxOpen, deadline) + DAY_MS;
  const clock = createClock();
  const claims = openClaims(
    db,
    soundOnly(tell, (id) => labelOf(id, config)),
  );
  const journal = openJournal(db, longer, clock);
  const malformed = openMalformed(db);
  try {
    if (as === 'reader') await refuseForeign(db);
    else await takeOwnership(db);
    if (as === 'worker') {
      await refuseExpiry(db);
      await indexClaims(claims, retention);
      await indexJournal(journal, longer);
      await indexMalformed(malformed, retention);
    }
  } catch (error) {
    await close();
    throw explainRefusal(config, db.databaseName, error);
  }
  return {
    db,
    clock,
    claims,
    control: openControl(db),
    journal,
    malformed,
    latencies: openLatencies(db, config, clock),
    results: openResults(db, config.mongodb),
    unroutable: openUnroutable(db),
    close,
  };
}
