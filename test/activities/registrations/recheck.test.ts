import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { afterSubmit } from '../../../src/domain/registrations/after-answer.ts';
import type { Closing, Entry } from '../../../src/registrations/journal.ts';
import { call, testBed, TIMEOUT_MS } from '../../helpers/activities.ts';
import { claimedItem, rules } from '../../helpers/items.ts';

const bed = await testBed({ after });
const { recheck, resolve, store } = bed;
const { journal } = store;

/** An entry as an attempt with the token "sender" has left it. */
async function entryIn(state: Entry['state'], more: Partial<Entry> = {}): Promise<string> {
  const entry = `${bed.id()}~0#1`;
  await journal.collection.insertOne({
    _id: entry,
    state,
    token: 'sender',
    at: new Date(),
    tries: 1,
    requestId: null,
    reason: null,
    answeredAt: null,
    operator: null,
    ...more,
  });
  return entry;
}

const read = async (entry: string): Promise<Entry> => {
  const found = (await journal.read([entry])).get(entry);
  assert.ok(found);
  return found;
};

const dead = () => new Date(Date.now() - 8_000 - TIMEOUT_MS - 1_000);
const word = { index: 0, operator: 'rui', reason: 'asked the legacy team', requestId: null };

test('a recheck answers what the journal knows, entry by entry', async () => {
  const answeredAt = new Date(1_700_000_000_000);
  const entries = await Promise.all([
    entryIn('accepted', { requestId: 'AB583C-X', answeredAt }),
    entryIn('refused', { reason: 'no' }),
    entryIn('not-accepted', { reason: 'HTTP 503' }),
    entryIn('unknown', { reason: 'lost' }),
    entryIn('superseded'),
    entryIn('abandoned', { reason: 'nobody knows' }),
  ]);
  const requests = [...entries, 'never~0#1'].map((entry, index) => ({ index, entry }));
  assert.deepEqual(await call(recheck, requests), [
    { index: 0, kind: 'accepted', requestId: 'AB583C-X', at: 1_700_000_000_000 },
    { index: 1, kind: 'refused', reason: 'no' },
    { index: 2, kind: 'not-accepted', reason: 'HTTP 503', retryAfter: null },
    { index: 3, kind: 'unknown', reason: 'lost' },
    { index: 4, kind: 'resubmit' },
    { index: 5, kind: 'abandoned', reason: 'nobody knows' },
    { index: 6, kind: 'not-accepted', reason: 'never sent', retryAfter: null },
  ]);
});

test('an intent is pending by the clock of the store, wherever our own is set to meanwhile', async (t) => {
  const itsTime = Date.now();
  const { recheck, store } = await testBed(t);
  store.clock.set(itsTime);
  const entry = `${bed.id()}~0#1`;
  await store.journal.open([entry], new Map(), 'sender');
  for (const jump of [3_600_000, -3_600_000]) {
    t.mock.timers.enable({ apis: ['Date'], now: itsTime + jump });
    const [answer] = await call(recheck, [{ index: 0, entry }]);
    t.mock.timers.reset();
    assert.ok(answer?.kind === 'pending');
    // Temporal's clock may differ as much, and a run that reads again at once, again and again, helps nobody.
    const runs = itsTime - jump;
    const { dueAt } = afterSubmit(claimedItem(), answer, rules, runs);
    assert.equal(dueAt, runs + answer.rest);
    assert.ok(answer.rest > 500 && answer.rest <= 8_000 + TIMEOUT_MS, `${answer.rest}`);
  }
});

test('an intent is pending while its attempt may live, and in doubt after', async () => {
  const young = await entryIn('intent', { at: new Date() });
  const old = await entryIn('intent', { at: dead() });
  const answers = await call(recheck, [
    { index: 0, entry: young },
    { index: 1, entry: old },
  ]);
  assert.deepEqual(
    answers.map(({ kind }) => kind),
    ['pending', 'unknown'],
  );
  assert.deepEqual([(await read(young)).state, (await read(old)).state], ['intent', 'unknown']);
});

test('an intent is read again soon, less often the older it is, and at the latest when it is in doubt', async (t) => {
  const timeout = 60_000;
  const now = Date.now();
  const clock = { now: () => now, set() {} };
  const { recheck, store, id } = await testBed(t, { legacy: { timeout }, replace: { clock } });
  const restAt = async (age: number): Promise<number> => {
    const entry = `${id()}~0#1`;
    await store.journal.open([entry], new Map(), 'sender');
    await store.journal.collection.updateOne({ _id: entry }, { $set: { at: new Date(now - age) } });
    const [answer] = await call(recheck, [{ index: 0, entry }]);
    assert.ok(answer?.kind === 'pending');
    return answer.rest;
  };
  assert.deepEqual(
    [await restAt(0), await restAt(12_000), await restAt(40_000), await restAt(67_000)],
    [1_000, 3_000, 5_000, 1_000],
  );
});

test('an answer that comes late, from an attempt that was thought dead, resolves the doubt by itself', async () => {
  const entry = await entryIn('intent', { at: dead() });
  assert.equal((await call(recheck, [{ index: 0, entry }]))[0]?.kind, 'unknown');
  const late: Closing = { entry, state: 'accepted', requestId: 'AB583C-X', reason: null };
  await journal.close([late], 'sender');
  const [answer] = await call(recheck, [{ index: 0, entry }]);
  assert.ok(answer?.kind === 'accepted');
  assert.equal(answer.requestId, 'AB583C-X');
});

test('a late answer of another token changes nothing', async () => {
  const entry = await entryIn('unknown', { reason: 'lost' });
  const foreign: Closing = { entry, state: 'not-accepted', requestId: null, reason: 'x' };
  await journal.close([foreign], 'somebody else');
  assert.equal((await read(entry)).state, 'unknown');
});

for (const state of ['unknown', 'intent'] as const) {
  test(`an operator's words on what is "${state}", and no longer on the wire: confirm, resubmit, abandon`, async () => {
    const begun = { at: dead() };
    const confirmed = await entryIn(state, begun);
    const answer = await call(resolve, {
      ...word,
      entry: confirmed,
      action: 'confirm' as const,
      requestId: 'AB583C-X',
    });
    assert.ok(answer.kind === 'accepted');
    assert.equal(answer.requestId, 'AB583C-X');
    const { operator, reason, answeredAt, ...known } = await read(confirmed);
    assert.deepEqual([known.state, operator, reason], ['accepted', 'rui', 'asked the legacy team']);
    assert.ok(answeredAt);

    const again = await entryIn(state, begun);
    const resubmit = { ...word, entry: again, action: 'resubmit' as const };
    assert.deepEqual(await call(resolve, resubmit), { index: 0, kind: 'resubmit' });
    assert.equal((await read(again)).state, 'superseded');

    const given = await entryIn(state, begun);
    const abandon = { ...word, entry: given, action: 'abandon' as const };
    assert.deepEqual(await call(resolve, abandon), {
      index: 0,
      kind: 'abandoned',
      reason: 'asked the legacy team',
    });
    assert.equal((await read(given)).operator, 'rui');
  });
}

test('nothing is decided of what may be on the wire: the operator is told so', async () => {
  for (const action of ['resubmit', 'abandon', 'confirm'] as const) {
    const entry = await entryIn('intent');
    const answer = await call(resolve, { ...word, entry, action, requestId: 'AB583C-X' });
    assert.equal(answer.kind, 'pending', action);
    assert.equal((await read(entry)).state, 'intent', action);
  }
});

test('the answer of a POST that comes late undoes no word that came before it', async () => {
  const said: [Entry['state'], Partial<Entry>][] = [
    ['unknown', { needsPerson: true, reason: 'the request id of another' }],
    ['abandoned', { operator: 'rui' }],
    ['accepted', { operator: 'rui', requestId: 'AB583C-X' }],
    ['superseded', { operator: 'rui' }],
  ];
  for (const [state, more] of said) {
    const entry = await entryIn(state, more);
    const before = await read(entry);
    const late: Closing = { entry, state: 'accepted', requestId: 'LATE-1', reason: null };
    await journal.close([late], 'sender');
    assert.deepEqual(await read(entry), before, state);
  }
});

test('what the journal knows wins over what the operator believes', async () => {
  const accepted = await entryIn('accepted', { requestId: 'AB583C-X', answeredAt: new Date() });
  for (const action of ['resubmit', 'abandon', 'confirm'] as const) {
    const answer = await call(resolve, { ...word, entry: accepted, action, requestId: 'WRONG-1' });
    assert.ok(answer.kind === 'accepted', action);
    assert.equal(answer.requestId, 'AB583C-X');
  }
  const { operator, state } = await read(accepted);
  assert.deepEqual([operator, state], [null, 'accepted']);

  const refused = await entryIn('refused', { reason: 'CPF inválido' });
  assert.deepEqual(await call(resolve, { ...word, entry: refused, action: 'resubmit' as const }), {
    index: 0,
    kind: 'refused',
    reason: 'CPF inválido',
  });
});

test('of two words on one doubt the first holds, and the second is told so', async () => {
  const entry = await entryIn('unknown');
  await call(resolve, { ...word, entry, action: 'abandon' as const });
  const second = { ...word, entry, operator: 'eva', action: 'resubmit' as const };
  assert.equal((await call(resolve, second)).kind, 'abandoned');
  assert.equal((await read(entry)).operator, 'rui');
});

test('the same word again, as a retry gives it, answers the same', async () => {
  const entry = await entryIn('unknown');
  const resubmit = { ...word, entry, action: 'resubmit' as const };
  assert.deepEqual(await call(resolve, resubmit), await call(resolve, resubmit, { attempt: 2 }));
});

test('a word on an entry that was never written is answered "never sent"', async () => {
  const nothing = { ...word, entry: 'never~0#9', action: 'abandon' as const };
  assert.deepEqual(await call(resolve, nothing), {
    index: 0,
    kind: 'not-accepted',
    reason: 'never sent',
    retryAfter: null,
  });
});
