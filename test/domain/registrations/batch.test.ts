import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  began,
  countByPhase,
  dueSteps,
  pollDue,
  replace,
  wakeAt,
} from '../../../src/domain/registrations/batch.ts';
import type { Batch, Item } from '../../../src/domain/registrations/batch.ts';
import { HOUR, T0, batchOf, itemOf, rules } from '../../helpers/items.ts';

const batchWith = (...changes: Partial<Item>[]): Batch => ({
  items: changes.map((change, index) => itemOf({ index, id: `r-${index}`, ...change })),
  settled: {},
  cancelling: false,
});

/** The steps that are due, as `{poll: [0, 2]}`; sick ones are told apart. */
function due(batch: Batch, now: number): Record<string, number[]> {
  return Object.fromEntries(
    dueSteps(batch, rules, now).map(({ kind, items }) => [
      items[0]?.sick === true ? `${kind}, sick` : kind,
      items.map(({ index }) => index),
    ]),
  );
}

test('a new batch is due at once, all of it for the claim and in one step', () => {
  const batch = batchOf(3);
  assert.deepEqual(due(batch, T0), { claim: [0, 1, 2] });
  assert.equal(wakeAt(batch), T0);
  assert.deepEqual(countByPhase(batch), { claim: 3 });
});

test('each phase is due for its own step, a settlement by where it goes', () => {
  const batch = batchWith(
    { phase: 'claim' },
    { phase: 'submit' },
    { phase: 'poll' },
    { phase: 'doubt' },
    { phase: 'settle', outcome: { kind: 'registered', at: T0 } },
    { phase: 'settle', outcome: { kind: 'failed', at: T0 } },
    { phase: 'settle', outcome: { kind: 'timed-out', at: T0 } },
  );
  assert.deepEqual(due(batch, T0), {
    claim: [0],
    submit: [1],
    poll: [2],
    recheck: [3],
    persist: [4],
    route: [5, 6],
  });
  assert.deepEqual(countByPhase(batch), { claim: 1, submit: 1, poll: 1, doubt: 1, settle: 3 });
});

test('sick items go in a step of their own and hold nobody back', () => {
  const batch = batchWith({ phase: 'poll' }, { phase: 'poll', sick: true }, { phase: 'poll' });
  assert.deepEqual(due(batch, T0), { poll: [0, 2], 'poll, sick': [1] });
});

test('polls that are nearly due come along with those that are, but cause none by themselves', () => {
  const batch = batchWith(
    { phase: 'poll', dueAt: T0 },
    { phase: 'poll', dueAt: T0 + rules.coalesce },
    { phase: 'poll', dueAt: T0 + rules.coalesce + 1 },
  );
  assert.deepEqual(due(batch, T0), { poll: [0, 1] });
  assert.deepEqual(due(batch, T0 - 1), {});
});

test('only well polls are coalesced: a submission, a recheck or a sick poll waits for its time', () => {
  for (const change of [
    { phase: 'submit' },
    { phase: 'doubt' },
    { phase: 'poll', sick: true },
  ] as const) {
    const batch = batchWith({ ...change, dueAt: T0 }, { ...change, dueAt: T0 + 1 });
    assert.deepEqual(Object.values(due(batch, T0)), [[0]], change.phase);
  }
});

test('what an activity has is not due, and does not wake', () => {
  const batch = batchOf(2);
  const [step] = dueSteps(batch, rules, T0);
  assert.ok(step);
  const begun = began(batch, step);
  assert.deepEqual(due(begun, T0 + HOUR), {});
  assert.equal(wakeAt(begun), null);
  assert.equal(batch.items[0]?.busy, false, 'the batch given is not changed');
});

test('it wakes for the earliest step that nothing holds', () => {
  const batch = batchWith(
    { dueAt: T0 + 3 },
    { dueAt: T0 + 1, busy: true },
    { dueAt: T0 + 2 },
    { phase: 'doubt', dueAt: null },
  );
  assert.equal(wakeAt(batch), T0 + 2);
});

test('what only an operator can bring on never wakes', () => {
  assert.equal(wakeAt(batchWith({ phase: 'doubt', dueAt: null })), null);
  assert.deepEqual(due(batchWith({ phase: 'doubt', dueAt: null }), T0 + HOUR), {});
});

test('replace changes by index, takes out what is null and leaves the rest and the order alone', () => {
  const batch = batchOf(4);
  const changed = replace(
    batch,
    new Map([
      [1, null],
      [2, itemOf({ index: 2, id: 'r-2', polls: 7 })],
      [9, itemOf({ index: 9 })],
    ]),
  );
  assert.deepEqual(
    changed.items.map(({ index, polls }) => [index, polls]),
    [
      [0, 0],
      [2, 7],
      [3, 0],
    ],
  );
});

test('an accepted item is polled by the plan, and once right at the deadline', () => {
  const item = itemOf({ acceptedAt: T0 });
  assert.equal(pollDue(item, rules, T0), T0 + 11_000);
  const late = { ...rules, deadline: 11_500 };
  assert.equal(pollDue(item, late, T0 + 11_000), T0 + 11_500);
  assert.equal(pollDue(item, late, T0 + 11_500), T0 + 12_000, 'and then by the plan again');
});

test('who was polled along with others before its time is next polled at the planned time after that', () => {
  const item = itemOf({ phase: 'poll', acceptedAt: T0, dueAt: T0 + 11_000 });
  const early = { ...rules, countEarly: true };
  assert.equal(pollDue(item, early, T0 + 10_600), T0 + 12_000);
  assert.equal(pollDue(item, early, T0 + 11_400), T0 + 12_000, 'and who was polled late, too');
  assert.equal(pollDue(item, rules, T0 + 10_600), T0 + 11_000, 'runs of before count it not');
});
