import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { test } from 'node:test';
import type { Document } from 'mongodb';
import { OWN } from '../../src/mongo/collections.ts';
import type { ClaimOutcome } from '../../src/claims/claims.ts';
import { entryKey } from '../../src/domain/names.ts';
import type { OutcomeKind } from '../../src/domain/registrations/outcome.ts';
import { countInFlight, openInFlight } from '../../src/registrations/in-flight.ts';
import type { InFlightStore } from '../../src/registrations/in-flight.ts';
import type { Store } from '../../src/registrations/store.ts';
import { testDatabase } from '../helpers/servers.ts';
import { storedClaim, storedEntry } from '../helpers/stored.ts';
import type { InFlightDocument } from '../../src/coordination/control.ts';

const documents = ({ db }: Store) => db.collection<InFlightDocument>(OWN.control);

async function documentOf(store: Store): Promise<InFlightDocument> {
  const found = await documents(store).findOne({ _id: 'in-flight' });
  assert.ok(found, 'nobody has counted yet');
  return found;
}

/** Has some of the times in the document lie so much earlier, ms, or later where it is negative. */
async function shift(
  store: Store,
  times: Partial<Record<'countingSince' | 'countedAt' | 'aliveAt' | 'spanAt', number>>,
): Promise<void> {
  const shifted = Object.entries(times).map(([name, by]): [string, Document] => [
    name,
    { $subtract: [`$${name}`, by] },
  ]);
  const { matchedCount } = await documents(store).updateOne({ _id: 'in-flight' }, [
    { $set: Object.fromEntries(shifted) },
  ]);
  assert.equal(matchedCount, 1);
}

/** The last count is so old that a new one may begin, and not so old that it is not believed any more. */
const oldCount = (store: Store) => shift(store, { countingSince: 3_000, countedAt: 3_000 });

/** However slow this machine is: what has been let through, and is from here on, is of this second. */
const stopClock = (store: Store) => shift(store, { spanAt: -600_000 });
const longAfter = (store: Store) => shift(store, { spanAt: 1_200_000 });

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

/** Holds whoever counts back between what is read of the journal and what is made of it. */
function heldBack(store: Store) {
  const events = new EventEmitter();
  const isThere = once(events, 'there');
  const mayGoOn = once(events, 'go on');
  const read: InFlightStore['journal']['read'] = async (entries) => {
    const found = await store.journal.read(entries);
    events.emit('there');
    await mayGoOn;
    return found;
  };
  const inFlight = openInFlight({ ...store, journal: { read } });
  return { inFlight, isThere, goOn: () => void events.emit('go on') };
}

test('what was let through just now counts though it is not in the journal yet, also in a new count', async (t) => {
  const store = await testDatabase(t);
  const inFlight = openInFlight(store);
  assert.equal(await inFlight.take(64, 100), 64);
  await stopClock(store);
  assert.equal(await inFlight.take(64, 100), 36);
  await oldCount(store);
  const before = await documentOf(store);
  assert.equal(await inFlight.take(1, 100), 0);
  const after = await documentOf(store);
  assert.ok(after.countedAt > before.countedAt, 'it was counted anew');
  assert.equal(after.count, 100);
});

test('what was let through in the second before counts as well', async (t) => {
  const store = await testDatabase(t);
  const inFlight = openInFlight(store);
  assert.equal(await inFlight.take(100, 100), 100);
  const twoSeconds = { span: 36, spanBefore: 64 };
  await documents(store).updateOne({ _id: 'in-flight' }, { $set: twoSeconds });
  await stopClock(store);
  await oldCount(store);
  assert.equal(await inFlight.take(1, 100), 0);
});

test('what was let through long ago and is not in the journal has died on the way, and leaves nothing behind', async (t) => {
  const store = await testDatabase(t);
  const inFlight = openInFlight(store);
  assert.equal(await inFlight.take(100, 100), 100);
  await longAfter(store);
  await oldCount(store);
  assert.equal(await inFlight.take(100, 100), 100);
  // Nobody has wanted anything for so long that the count is not believed any more.
  await longAfter(store);
  await shift(store, { countingSince: 60_000, countedAt: 60_000 });
  assert.equal(await inFlight.take(64, 100), 64);
});

test('of several takers at once, some of whom count, no more than the limit is let through in all', async (t) => {
  const store = await testDatabase(t);
  const takers = Array.from({ length: 16 }, () => openInFlight(store));
  await takers[0]?.take(0, 100);
  await stopClock(store);
  let all = 0;
  for (let round = 0; round < 6; round++) {
    await oldCount(store);
    const granted = await Promise.all(takers.map((each) => each.take(7, 100)));
    all += granted.reduce((sum, each) => sum + each, 0);
    assert.ok(all <= 100, `${all} after round ${round}`);
  }
  assert.equal(all, 100);
});

test('what others let through while it is counted counts, too', async (t) => {
  const store = await testDatabase(t);
  const others = openInFlight(store);
  await store.claims.insert([storedClaim('waiting')]);
  assert.equal(await others.take(10, 10), 10);
  await stopClock(store);
  await oldCount(store);
  const counting = heldBack(store);
  const taken = counting.inFlight.take(1, 10);
  await counting.isThere;
  assert.equal(await others.take(5, 100), 5, 'their limit is a higher one by now');
  counting.goOn();
  assert.equal(await taken, 0);
  assert.equal(await others.take(100, 100), 85);
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
    ...['accepted', 'intent', 'again', 'not-accepted', 'refused', 'unknown', 'abandoned'].map(
      (id) => storedClaim(id),
    ),
    storedClaim('waiting'),
    storedClaim('redriven', doubtful),
    storedClaim('redriven', { generation: 1 }),
    storedClaim('resumed', lateOnce),
    storedClaim('resumed', { generation: 1 }),
    storedClaim('ended', { outcome: outcomeOf('ended~0', 'registered') }),
    storedClaim('settled', { outcome: outcomeOf('settled~0', 'rejected'), settledAt: NOW }),
    storedClaim('unroutable'),
    storedClaim('conflict', { conflict: true }),
  ]);
  await store.unroutable.setAside(storedClaim('unroutable'), 'unroutable~0', 'too large');
  await store.journal.collection.insertMany([
    storedEntry('accepted~0', 'accepted'),
    storedEntry('intent~0', 'intent'),
    storedEntry('again~0', 'superseded'),
    storedEntry('again~0', 'accepted', 2),
    storedEntry('not-accepted~0', 'not-accepted'),
    storedEntry('refused~0', 'refused'),
    storedEntry('unknown~0', 'unknown'),
    storedEntry('abandoned~0', 'abandoned'),
    // Found by an operator after it had been redriven.
    storedEntry('redriven~0', 'accepted'),
    storedEntry('resumed~0', 'accepted'),
    ...['ended~0', 'settled~0', 'unroutable~0', 'conflict~0'].map((each) =>
      storedEntry(each, 'accepted'),
    ),
  ]);
  assert.equal(await countInFlight(store), 5, 'accepted, intent, again, redriven, resumed');
  assert.equal(await openInFlight(store).take(10, 8), 3);
});

test('a count whose owner has died is taken over, and what a late owner has found is not believed', async (t) => {
  const store = await testDatabase(t);
  await store.claims.insert([storedClaim('a')]);
  await store.journal.collection.insertOne(storedEntry('a~0', 'accepted'));
  const others = openInFlight(store);
  assert.equal(await others.take(99, 100), 99);
  await longAfter(store);
  await oldCount(store);
  const silent = heldBack(store);
  const late = silent.inFlight.take(1, 100);
  await silent.isThere;
  const { countedAt, countingSince } = await documentOf(store);
  assert.ok(countedAt < countingSince, 'it is being counted');
  await shift(store, { countingSince: 6_000, countedAt: 6_000 });
  assert.equal(await others.take(100, 99), 0, 'whoever counts for long is not overtaken');
  await shift(store, { aliveAt: 6_000 });
  // Settled since the silent one has looked.
  await store.claims.settled(
    [{ claim: 'a~0', outcome: outcomeOf('a~0', 'registered') }],
    storedClaim('a').workflowId,
  );
  assert.equal(await others.take(100, 100), 100);
  const counted = await documentOf(store);
  silent.goOn();
  assert.equal(await late, 0);
  assert.deepEqual(await documentOf(store), counted);
});

test('a document of the version before, which knows no seconds, is gone on with', async (t) => {
  const store = await testDatabase(t);
  const inFlight = openInFlight(store);
  assert.equal(await inFlight.take(60, 100), 60);
  await documents(store).updateOne(
    { _id: 'in-flight' },
    { $unset: { span: '', spanBefore: '', spanAt: '' } },
  );
  assert.equal(await inFlight.take(60, 100), 40);
  await stopClock(store);
  const { span, spanBefore } = await documentOf(store);
  assert.deepEqual([span, spanBefore], [40, 0]);
  await oldCount(store);
  assert.equal(await inFlight.take(100, 100), 60);
});
