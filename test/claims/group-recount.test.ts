/** Once a day all failures are counted anew: no count can be wrong for longer. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OWN } from '../../src/mongo/collections.ts';
import type { Store } from '../../src/registrations/store.ts';
import { silent, type Log } from '../../src/runtime/log.ts';
import {
  DAY,
  counted,
  countsOf,
  inClaims,
  place,
  rejected,
  seen,
  watched,
} from '../helpers/groups.ts';
import { testDatabase } from '../helpers/servers.ts';

const GONE = { as: 'dropped', at: new Date() } as const;

/** All were counted a long time ago. */
async function isDue({ own }: Pick<Store, 'own'>): Promise<void> {
  const states = own.collection(OWN.failureGroups);
  await states.updateOne(
    { recountedAt: { $exists: true } },
    { $set: { recountedAt: new Date(0) } },
  );
}

test('counts that are wrong are corrected once a day, and that is told; what has expired is no fault', async (t) => {
  const store = await testDatabase(t);
  const told: object[] = [];
  const log: Log = { ...silent, warn: (facts) => void told.push(facts) };
  const counts = countsOf(store.own, { log, retention: DAY });
  await counts.recountIfDue(Date.now());
  const some = await rejected(store, 3, 'no name');
  const old = await rejected(store, 2, 'no street');
  await counted(counts);
  const groups = store.own.collection(OWN.failureGroups);

  await groups.updateOne({ reason: 'no name' }, { $set: { waiting: 99 } });
  await counts.recountIfDue(Date.now());
  assert.notDeepEqual(await counted(counts), await inClaims(store), 'it is not due');
  await isDue(store);
  await counts.recountIfDue(Date.now());
  assert.deepEqual(await counted(counts), await inClaims(store));
  assert.equal(told.length, 1);

  await groups.updateOne({ reason: 'no street' }, { $set: { firstAt: new Date(0) } });
  await store.claims.collection.deleteMany({ _id: { $in: old.slice(0, 1) } });
  await isDue(store);
  await counts.recountIfDue(Date.now());
  assert.deepEqual(await counted(counts), await inClaims(store));
  assert.equal(told.length, 1);

  // Marked by nobody, as if a writer had forgotten it.
  await store.claims.collection.updateOne({ _id: some[0] ?? '' }, { $set: { gone: GONE } });
  await isDue(store);
  await counts.recountIfDue(Date.now());
  assert.deepEqual(await counted(counts), await inClaims(store));
  assert.equal(told.length, 2);
});

test('groups that were removed are counted anew, and unknown until then', async (t) => {
  const { store, counts } = await place(t);
  await rejected(store, 3, 'no name');
  await counted(counts);
  await store.own.collection(OWN.failureGroups).deleteMany({});
  await assert.rejects(counts.read(Date.now(), 10), /for the first time/);
  await counts.recountIfDue(Date.now());
  assert.deepEqual(await counted(counts), await inClaims(store));
});

test('failures that come and leave while all are counted anew are counted once', async (t) => {
  const { store, counts } = await place(t);
  const some = await rejected(store, 10, 'no name');
  await counted(counts);
  await store.own
    .collection(OWN.failureGroups)
    .updateMany({ reason: { $exists: true } }, { $set: { waiting: 500 } });
  const busy = countsOf(
    watched(store.own, async (n) => {
      if (n > 4) return;
      await store.records.left(seen(some.slice(n, n + 1)), 'redriven');
      await rejected(store, 1, 'no name');
      await counts.catchUp(Date.now());
    }),
  );
  await isDue(store);
  await busy.recountIfDue(Date.now());
  await isDue(store);
  await counts.recountIfDue(Date.now());
  assert.deepEqual(await counted(counts), await inClaims(store));
});
