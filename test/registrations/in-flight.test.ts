import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClaimOutcome } from '../../src/claims/claims.ts';
import { entryKey } from '../../src/domain/names.ts';
import type { OutcomeKind } from '../../src/domain/registrations/outcome.ts';
import { countInFlight, openInFlight } from '../../src/registrations/in-flight.ts';
import type { Store } from '../../src/registrations/store.ts';
import { testDatabase } from '../helpers/servers.ts';
import { storedClaim, storedEntry } from '../helpers/stored.ts';

const NOW = new Date();

const outcomeOf = (claim: string, kind: OutcomeKind, doubt = false): ClaimOutcome => ({
  kind,
  reason: null,
  at: NOW,
  requestId: null,
  acceptedAt: null,
  polls: 0,
  doubt,
  entry: entryKey(claim, 1),
});

/** A worker, by the test's clock; the limit and how many workers there are can be changed. */
function workerOf(store: Store, limit: number | null, workers = 1) {
  const world = { now: 0, limit, workers };
  const inFlight = openInFlight({
    store,
    limit: () => world.limit,
    legacyTimeoutMs: 10_000,
    workers: () => world.workers,
    now: () => world.now,
  });
  return { world, inFlight };
}

const there = (keys: readonly string[]) => keys.map((claim) => ({ claim, isAccepted: true }));

const ids = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, n) => `${prefix}-${n}`);

/** So many claims that are open and have been accepted, and their keys. */
async function filed(store: Store, prefix: string, count: number): Promise<string[]> {
  const keys = await claimed(store, prefix, count);
  await store.journal.collection.insertMany(keys.map((key) => storedEntry(key, 'accepted')));
  return keys;
}

/** So many claims that are open, and their keys. */
async function claimed(store: Store, prefix: string, count: number): Promise<string[]> {
  const claims = ids(prefix, count).map((id) => storedClaim(id));
  await store.claims.insert(claims);
  return claims.map(({ _id }) => _id);
}

test('what a worker has let through counts until it can be seen in a count', async (t) => {
  const store = await testDatabase(t);
  const { world, inFlight } = workerOf(store, 10);
  assert.equal(await inFlight.take(6), 6);
  assert.equal(await inFlight.take(6), 4);
  assert.equal(await inFlight.take(1), 0);
  world.now = 5_000;
  assert.equal(await inFlight.take(1), 0, 'they are on the wire still');
  inFlight.release(10);
  await inFlight.noteAnswered(there(await claimed(store, 'a', 7)));
  assert.equal(await inFlight.take(1), 0);
  world.now = 5_900;
  assert.equal(await inFlight.take(1), 0, 'the marks may have come too late for this count');
  world.now = 6_100;
  assert.equal(await inFlight.take(5), 3, 'three were refused');
});

test('it is counted once a second, and what is settled, or has an outcome, makes room', async (t) => {
  const store = await testDatabase(t);
  const { world, inFlight } = workerOf(store, 3);
  const keys = await filed(store, 'b', 3);
  await inFlight.noteAnswered(there(keys));
  assert.equal(await inFlight.take(3), 0);
  const workflowId = (id: string) => storedClaim(id).workflowId;
  const ends = (n: number) => [
    { claim: keys[n] ?? '', outcome: outcomeOf(keys[n] ?? '', 'registered') },
  ];
  await store.claims.settled(ends(0), workflowId('b-0'));
  await store.claims.conclude(ends(1), workflowId('b-1'));
  world.now = 900;
  assert.equal(await inFlight.take(3), 0);
  world.now = 1_100;
  assert.equal(await inFlight.take(3), 2);
});

test('each of several workers has its part of what is left: in all not more than the limit, and one for each of the others', async (t) => {
  const store = await testDatabase(t);
  const three = [1, 2, 3].map(() => workerOf(store, 10, 3).inFlight);
  const granted = await Promise.all(three.map((each) => each.take(100)));
  assert.deepEqual(granted, [4, 4, 4]);
});

test('what another worker has on the wire counts, however long it takes, until it is answered', async (t) => {
  const store = await testDatabase(t);
  const [a, b] = [workerOf(store, 10, 2), workerOf(store, 10, 2)];
  assert.deepEqual([await a.inFlight.take(10), await b.inFlight.take(10)], [5, 5]);
  const [quick, slow] = [await claimed(store, 'quick', 5), await claimed(store, 'slow', 5)];
  await a.inFlight.noteSent(quick);
  await b.inFlight.noteSent(slow);
  await a.inFlight.noteAnswered(there(quick));
  a.inFlight.release(5);
  for (const now of [500, 1_500, 3_000]) {
    a.world.now = now;
    assert.equal(await a.inFlight.take(10), 0, `${now} ms later`);
  }
  await b.inFlight.noteAnswered(slow.map((claim) => ({ claim, isAccepted: false })));
  b.inFlight.release(5);
  a.world.now = 6_000;
  assert.equal(await a.inFlight.take(10), 3, 'its part of five');
});

test('marks that the journal does not bear out make room again, and what is on the wire is marked', async (t) => {
  const store = await testDatabase(t);
  const { world, inFlight } = workerOf(store, 10);
  const keys = await claimed(store, 'g', 4);
  const states = ['unknown', 'accepted', 'intent', 'not-accepted'] as const;
  await store.journal.collection.insertMany(
    keys.map((key, at) =>
      storedEntry(
        key,
        states[at] ?? 'accepted',
        1,
        states[at] === 'intent' ? { answeredAt: null } : {},
      ),
    ),
  );
  await store.claims.setAtLegacy(keys.slice(0, 2), 'accepted');
  world.now = 70_000;
  assert.equal(await inFlight.take(10), 8);
});

test('what was accepted before the limit was set counts, by whatever word', async (t) => {
  const store = await testDatabase(t);
  const { world, inFlight } = workerOf(store, null);
  const keys = await filed(store, 'c', 5);
  await inFlight.noteAnswered(there(keys));
  const mark = { atLegacy: { $exists: true } };
  assert.equal(await store.claims.collection.countDocuments(mark), 0, 'nothing is written');
  world.limit = 8;
  assert.equal(await inFlight.take(10), 3);
  inFlight.release(3);

  world.limit = null;
  const more = await filed(store, 'd', 2);
  await inFlight.noteSent(more);
  await inFlight.noteAnswered(there(more));
  world.limit = 8;
  world.now = 3_000;
  assert.equal(await inFlight.take(10), 1);
  inFlight.release(1);

  // A person has found it, or the worker died just then.
  await filed(store, 'e', 1);
  world.now = 70_000;
  assert.equal(await inFlight.take(10), 0);
});

test('what can be brought nowhere is not in flight any more', async (t) => {
  const store = await testDatabase(t);
  const { inFlight } = workerOf(store, 5);
  const keys = await filed(store, 'f', 5);
  await inFlight.noteAnswered(there(keys));
  for (const key of keys.slice(0, 2))
    await store.setAside.put(storedClaim(key.replace(/~0$/, '')), key, 'too large');
  assert.equal(await inFlight.take(5), 2);
});

test('counted is what is accepted, or just being sent, of what has no outcome yet', async (t) => {
  const store = await testDatabase(t);
  const doubtful = {
    settledAt: NOW,
    message: null,
    outcome: outcomeOf('redriven~0', 'in-doubt', true),
  };
  const lateOnce = {
    settledAt: NOW,
    message: null,
    outcome: { ...outcomeOf('resumed~0', 'timed-out'), requestId: 'REQ-1', acceptedAt: NOW },
  };
  await store.claims.insert([
    ...['accepted', 'intent', 'not-accepted', 'refused', 'unknown', 'abandoned'].map((id) =>
      storedClaim(id),
    ),
    storedClaim('again', { entry: 'again~0#2' }),
    storedClaim('waiting'),
    storedClaim('redriven', doubtful),
    storedClaim('redriven', { generation: 1, entry: 'redriven~0#1' }),
    storedClaim('resumed', lateOnce),
    storedClaim('resumed', { generation: 1, entry: 'resumed~0#1' }),
    storedClaim('ended', { outcome: outcomeOf('ended~0', 'registered') }),
    storedClaim('settled', { outcome: outcomeOf('settled~0', 'rejected'), settledAt: NOW }),
    storedClaim('set-aside'),
    storedClaim('conflict', { conflict: true }),
  ]);
  await store.setAside.put(storedClaim('set-aside'), 'set-aside~0', 'too large');
  await store.journal.collection.insertMany([
    storedEntry('accepted~0', 'accepted'),
    storedEntry('intent~0', 'intent', 1, { answeredAt: null }),
    storedEntry('again~0', 'superseded'),
    storedEntry('again~0', 'accepted', 2),
    storedEntry('not-accepted~0', 'not-accepted'),
    storedEntry('refused~0', 'refused'),
    storedEntry('unknown~0', 'unknown'),
    storedEntry('abandoned~0', 'abandoned'),
    // Found by an operator after it had been redriven.
    storedEntry('redriven~0', 'accepted'),
    storedEntry('resumed~0', 'accepted'),
    ...['ended~0', 'settled~0', 'set-aside~0', 'conflict~0'].map((each) =>
      storedEntry(each, 'accepted'),
    ),
  ]);
  assert.equal(await countInFlight(store, 1_000), 5, 'accepted, intent, again, redriven, resumed');
});
