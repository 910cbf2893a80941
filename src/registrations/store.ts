import { indexClaims, openClaims } from '../claims/claims.ts';
import { createClock } from '../mongo/clock.ts';
import type { Config } from '../config/schema.ts';
import { openActions } from '../coordination/actions.ts';
import { openControl } from '../coordination/control.ts';
import { indexProcesses } from '../coordination/processes.ts';
import { indexJournal, openJournal } from './journal.ts';
import { labelOf } from '../intake/label.ts';
import { openLatencies } from './latencies.ts';
import { indexGroups } from '../claims/group-store.ts';
import { indexMalformed, openMalformed } from '../claims/malformed.ts';
import { refuseMistyped } from './collection-sample.ts';
import { OWN, ownName } from '../mongo/collections.ts';
import { ensureIndex } from '../mongo/indexes.ts';
import { serverTime } from '../mongo/server-time.ts';
import { closedIfItFails, openDatabase, type Opener } from '../mongo/own-database.ts';
import { refuseExpiry } from '../mongo/ownership.ts';
import { openResults } from './results.ts';
import { soundOnly, type TellOdd } from '../claims/sound-claims.ts';
import { openRecords } from '../claims/records.ts';
import { openSetAside } from '../claims/set-aside.ts';

const DAY_MS = 24 * 3_600_000;

export type Store = Awaited<ReturnType<typeof openStore>>;

const tellOperator: TellOdd = (sentence) => void process.stderr.write(`${sentence}\n`);

/**
 * Everything we keep in MongoDB, over one client.
 * @throws Error that names the masked address; NotOurs where a collection of our names is somebody else's
 */
export async function openStore(config: Config, as: Opener, tell: TellOdd = tellOperator) {
  const mongo = await openDatabase(config, as);
  const { db, own, theirs, close } = mongo;
  const { retention, ownPrefix } = config.mongodb;
  const { maxOpen, deadline } = config.legacy;
  // A claim is kept from its settlement on, and its entry from the POST: it must not go first, or count as never sent.
  const longer = retention + Math.max(maxOpen, deadline) + DAY_MS;
  const clock = createClock();
  await closedIfItFails(config, mongo, async () => clock.set(await serverTime(db)));
  const claims = openClaims(
    own,
    soundOnly(tell, (id) => labelOf(id, config), ownName(OWN.claims, ownPrefix)),
  );
  const journal = openJournal(own, longer, clock);
  const malformed = openMalformed(own);
  const actions = openActions(own);
  if (as === 'worker') {
    await closedIfItFails(config, mongo, async () => {
      await refuseExpiry(db, ownPrefix);
      await refuseMistyped(theirs, config.mongodb);
      await indexClaims(claims, retention);
      await indexJournal(journal, longer);
      await indexMalformed(malformed, retention);
      await indexGroups(own);
      // They are few, and are kept for good.
      await ensureIndex(actions.collection, { at: 1 });
      await indexProcesses(own, config.ops.workerOfflineTtl);
    });
  }
  return {
    db,
    own,
    theirs,
    actions,
    clock,
    claims,
    control: openControl(own),
    journal,
    malformed,
    records: openRecords({ claims, malformed }),
    latencies: openLatencies(own, config, clock),
    results: openResults(theirs, config.mongodb),
    setAside: openSetAside(own),
    close,
  };
}
