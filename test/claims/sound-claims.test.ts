/** Documents among our own that are not as we write them: they are told, and the others go on. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { Db } from 'mongodb';
import { OWN } from '../../src/mongo/collections.ts';
import { DEFAULTS } from '../../src/config/schema.ts';
import { findDoubts } from '../../src/registrations/doubts.ts';
import { priorOf } from '../../src/domain/registrations/latency.ts';
import type { RunLife } from '../../src/domain/run-life.ts';
import { countInFlight } from '../../src/registrations/in-flight.ts';
import { openLatencies } from '../../src/registrations/latencies.ts';
import { lookForLate } from '../../src/registrations/late.ts';
import { silent } from '../../src/runtime/log.ts';
import { openStore } from '../../src/registrations/store.ts';
import { findStranded } from '../../src/registrations/sweep.ts';
import { testConfig } from '../helpers/configuration.ts';
import { address, atEnd, testDatabase } from '../helpers/servers.ts';
import { storedClaim, storedEntry } from '../helpers/stored.ts';

const LONG_AGO = new Date(Date.now() - 3_600_000);
const TIMED_OUT = {
  kind: 'timed-out' as const,
  reason: null,
  at: LONG_AGO,
  requestId: 'REQ-late',
  acceptedAt: LONG_AGO,
  polls: 1,
  doubt: false,
  entry: 'late~0#1',
};
const LATE = { settledAt: LONG_AGO, outcome: TIMED_OUT };

/** What somebody's hand, or half a restore, may leave. */
const ODD = [
  { _id: 'bare~0' },
  { ...storedClaim('no-times'), receivedAt: null, claimedAt: LONG_AGO.toISOString() },
  { ...storedClaim('no-outcome'), outcome: {} },
  { ...storedClaim('odd-token', LATE), claimedAt: LONG_AGO, token: 7 },
  { ...storedClaim('no-run', LATE), workflowId: null, registration: null },
  { _id: 'only-outcome~0', ...LATE },
].map((document) => ({ ...document, conflict: false }));

async function withOdd() {
  const { db } = await testDatabase({ after });
  const told: string[] = [];
  const config = testConfig({
    mongodbUri: address('MONGODB_URI'),
    mongodb: { database: db.databaseName },
    sweeper: { ...DEFAULTS.sweeper, olderThan: 0 },
  });
  const store = await openStore(config, 'reader', (sentence) => told.push(sentence));
  atEnd({ after }, () => store.close());
  await store.claims.insert([
    storedClaim('doubtful', { receivedAt: LONG_AGO, claimedAt: LONG_AGO }),
    storedClaim('accepted'),
    storedClaim('late', { ...LATE, message: null }),
  ]);
  await store.journal.collection.insertMany([
    storedEntry('doubtful~0', 'unknown'),
    storedEntry('accepted~0', 'accepted'),
  ]);
  await raw(db).insertMany(ODD.map((document) => ({ ...document })));
  return { store, config, told };
}

const raw = (db: Db) => db.collection<{ _id: string }>(OWN.claims);

const { store, config, told } = await withOdd();

test('doubts, in-flight counts, late results and sweeps leave out what cannot be read, and find the rest', async () => {
  const doubts = await findDoubts(store, 1_000);
  assert.deepEqual(
    doubts.map(({ claim }) => claim._id),
    ['doubtful~0'],
  );
  assert.equal(await countInFlight(store, 1_000), 1);
  const late = await lookForLate({
    config,
    store,
    status: () => Promise.resolve({ kind: 'done' }),
    log: silent,
  });
  assert.deepEqual(
    late.map(({ id }) => id),
    ['late'],
  );
  const stranded = await findStranded({
    config,
    store,
    openRuns: () => Promise.resolve(new Set()),
    runStates: (ids) => Promise.resolve(new Map<string, RunLife>(ids.map((id) => [id, 'closed']))),
    endedRuns: () => Promise.resolve([]),
    broughtBy: () => Promise.resolve({ items: [] }),
  });
  assert.deepEqual(stranded.map(({ claim }) => claim._id).sort(), ['accepted~0', 'doubtful~0']);
});

test('each is told once, with its _id, what is wrong with it and what to do', () => {
  const ids = told.map((sentence) => /^The document "([^"]*)" in (\S+) /.exec(sentence)?.[1]);
  assert.deepEqual(ids.toSorted(), ODD.map(({ _id }) => _id).sort());
  const sentence = told.find((each) => each.includes('no-times~0')) ?? '';
  assert.match(sentence, /left out \(receivedAt, claimedAt\): mend it or remove it$/);
});

test('an odd document of latencies counts as nothing learned, and is written anew', async () => {
  const latencies = openLatencies(store.db, config);
  await store.db
    .collection<{ _id: string }>(OWN.latency)
    .insertOne({ _id: config.legacyUrl + config.legacy.submit.path });
  assert.deepEqual(await latencies.read(), priorOf(config.legacy.expectedLatency));
  await latencies.add([{ after: 1_000, upTo: 2_000 }]);
  assert.equal((await latencies.read()).count, 1);
});
