/** How many are in doubt now: counted from a real journal, and by the gauge only when somebody asks. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDoubtGauge, findDoubts, knownDoubts } from '../../src/registrations/doubts.ts';
import { openStore } from '../../src/registrations/store.ts';
import { createMetrics } from '../../src/runtime/metrics.ts';
import { call, claimed, claimRequest, testBed, TIMEOUT_MS } from '../helpers/activities.ts';
import { testConfig } from '../helpers/configuration.ts';
import { address } from '../helpers/servers.ts';
import { webServer } from '../helpers/web-server.ts';

const configOf = ({ db }: Awaited<ReturnType<typeof openStore>>) =>
  testConfig({ mongodbUri: address('MONGODB_URI'), mongodb: { database: db.databaseName } });

const valueOf = async ({ inDoubt }: ReturnType<typeof createMetrics>) =>
  (await inDoubt.get()).values[0]?.value;

test('what is open and in doubt is counted, in every generation, and what was decided or has ended is not', async (t) => {
  const server = await webServer(t, (_, __, wire) => void wire.destroy());
  const bed = await testBed(t, { legacyUrl: server.url });
  const { store } = bed;
  const ids = Array.from({ length: 5 }, bed.id);
  const requests = await claimed(
    bed,
    ids.map((id) => ({ id })),
  );
  await call(bed.submit, requests);
  assert.equal((await knownDoubts(store)).length, 5);
  const [confirmed, resubmitted, abandoned] = requests;
  assert.ok(confirmed && resubmitted && abandoned);
  const word = { index: 0, operator: 'rui', reason: 'seen', requestId: 'AB583C-X' };
  await call(bed.resolve, { ...word, entry: confirmed.entry, action: 'confirm' as const });
  assert.equal((await knownDoubts(store)).length, 4);

  // As onUnknown: resubmit does: the next entry is opened, and the first has given way.
  const next = { ...resubmitted, entry: resubmitted.entry.replace(/1$/, '2') };
  await call(bed.submit, [next]);
  assert.equal((await knownDoubts(store)).length, 4, 'it is in doubt again, and counts once');
  const superseded = (await store.journal.read([resubmitted.entry])).get(resubmitted.entry);
  assert.equal(superseded?.state, 'superseded');

  const id = ids[2] ?? '';
  await call(bed.route, [
    {
      ...abandoned,
      id,
      requestId: null,
      acceptedAt: null,
      polls: 0,
      doubt: true,
      outcome: { kind: 'cancelled' as const, at: Date.now() },
    },
  ]);
  assert.equal((await knownDoubts(store)).length, 3, 'it has ended');
  const [again] = await call(bed.claim, [claimRequest(id, { index: 7, failedGeneration: 0 })]);
  assert.equal(again?.kind, 'in-doubt');
  assert.equal((await knownDoubts(store)).length, 4, 'it was redriven, and is in doubt again');
  assert.equal((await findDoubts(store, TIMEOUT_MS)).length, 4);

  const { outcome, ...open } = {
    ...abandoned,
    outcome: { kind: 'cancelled' as const, at: Date.now() },
  };
  const known = { requestId: null, acceptedAt: null, polls: 0, doubt: true };
  await call(bed.route, [{ ...open, id, ...known, index: 7, claim: `${id}~1`, outcome }]);
  assert.equal((await knownDoubts(store)).length, 3);
  const third = claimRequest(id, { index: 8, failedGeneration: 1 });
  assert.equal((await call(bed.claim, [third]))[0]?.kind, 'in-doubt');
  assert.equal((await knownDoubts(store)).length, 4, 'and so it was once more');
});

test('whether a worker has died over a POST is told by the clock of MongoDB, not by that of whoever asks', async (t) => {
  const { store, claim, id: newId } = await testBed(t);
  const id = newId();
  await call(claim, [claimRequest(id)]);
  await store.journal.open([`${id}~0#1`], new Map(), 'a token');
  const real = Date.now();
  // This machine is a day ahead.
  const ahead = t.mock.method(Date, 'now', () => real + 86_400_000);
  const other = await openStore(configOf(store), 'reader');
  t.after(() => other.close());
  assert.deepEqual(await findDoubts(other, TIMEOUT_MS), []);
  ahead.mock.restore();
  const later = { ...store, clock: { now: () => real + 86_400_000 } };
  const [doubt] = await findDoubts(later, TIMEOUT_MS);
  assert.equal(doubt?.reason, 'the worker stopped while it was being submitted');
});

test('the gauge counts once for many who ask at the same time, and not again within seconds', async () => {
  const metrics = createMetrics();
  let counted = 0;
  const refresh = createDoubtGauge(metrics.inDoubt, () => Promise.resolve((counted += 1)));
  await Promise.all([refresh(), refresh(), refresh()]);
  await refresh();
  assert.equal(counted, 1);
  assert.equal(await valueOf(metrics), 1);
});

test('while nobody can count, the gauge says so, and the next who asks has it tried again', async () => {
  const metrics = createMetrics();
  let isAway = true;
  const refresh = createDoubtGauge(metrics.inDoubt, () =>
    isAway ? Promise.reject(new Error('away')) : Promise.resolve(3),
  );
  await refresh();
  assert.ok(Number.isNaN(await valueOf(metrics)));
  isAway = false;
  await refresh();
  assert.equal(await valueOf(metrics), 3);
});

test('a count that takes too long holds no scrape up', async () => {
  const metrics = createMetrics();
  await createDoubtGauge(metrics.inDoubt, () => new Promise(() => {}))();
  assert.ok(Number.isNaN(await valueOf(metrics)));
});
