import assert from 'node:assert/strict';
import { test } from 'node:test';
import { registrationFlow } from '../../src/domain/registrations/flow.ts';
import type { Item } from '../../src/domain/registrations/item.ts';
import {
  answersTo,
  applied,
  began,
  cancelled,
  countByPhase,
  dueSteps,
  isAtRest,
  replace,
  unanswered,
  wakeAt,
} from '../../src/domain/run.ts';
import { coalesceOf } from '../../src/domain/registrations/poll-plan.ts';
import type { Run } from '../../src/domain/run.ts';
import {
  HOUR,
  T0,
  acceptedItem,
  claimedItem,
  doubtfulItem,
  itemOf,
  rules,
  runOf,
  settlingItem,
} from '../helpers/items.ts';
import { stepOf } from '../helpers/pure-run.ts';

const flow = registrationFlow(() => rules);

/** A run of these, well and with nobody but where they say so. */
const runWith = (...items: Item[]): Run<Item> => ({
  items: items.map((item, index) => ({ ...item, index, id: `r-${index}` })),
  settled: {},
  cancelling: false,
});
const free = { busy: false, dueAt: T0 };

/** The steps that are due, as `{poll: [0, 2]}`; sick ones are told apart. */
function due(run: Run<Item>, now: number): Record<string, number[]> {
  return Object.fromEntries(
    dueSteps(run, stepOf(rules), flow, now).map(({ kind, items }) => [
      items[0]?.sick === true ? `${kind}, sick` : kind,
      items.map(({ index }) => index),
    ]),
  );
}

test('a new run is due at once, all of it for the claim and in one step', () => {
  const run = runOf(3);
  assert.deepEqual(due(run, T0), { claim: [0, 1, 2] });
  assert.equal(wakeAt(run), T0);
  assert.deepEqual(countByPhase(run), { claim: 3 });
});

test('each phase is due for its own step, a settlement by where it goes', () => {
  const run = runWith(
    itemOf(),
    claimedItem(free),
    acceptedItem(free),
    doubtfulItem(free),
    doubtfulItem({ ...free, lookUp: true }),
    settlingItem(free),
    settlingItem({ ...free, outcome: { kind: 'failed', at: T0 } }),
    settlingItem({ ...free, outcome: { kind: 'timed-out', at: T0 } }),
  );
  assert.deepEqual(due(run, T0), {
    claim: [0],
    submit: [1],
    poll: [2],
    recheck: [3],
    lookUp: [4],
    persist: [5],
    route: [6, 7],
  });
  assert.deepEqual(countByPhase(run), { claim: 1, submit: 1, poll: 1, doubt: 2, settle: 3 });
});

test('sick items go in a step of their own and hold nobody back', () => {
  const run = runWith(
    acceptedItem(free),
    acceptedItem({ ...free, sick: true }),
    acceptedItem(free),
  );
  assert.deepEqual(due(run, T0), { poll: [0, 2], 'poll, sick': [1] });
});

test('polls that are nearly due come along with those that are, but cause none by themselves', () => {
  const run = runWith(
    acceptedItem(free),
    acceptedItem({ ...free, dueAt: T0 + coalesceOf(rules.plan) }),
    acceptedItem({ ...free, dueAt: T0 + coalesceOf(rules.plan) + 1 }),
  );
  assert.deepEqual(due(run, T0), { poll: [0, 1] });
  assert.deepEqual(due(run, T0 - 1), {});
});

test('only well polls are coalesced: a submission, a recheck or a sick poll waits for its time', () => {
  const sick = acceptedItem({ ...free, sick: true });
  for (const item of [claimedItem(free), doubtfulItem(free), sick]) {
    const run = runWith(item, { ...item, dueAt: T0 + 1 });
    assert.deepEqual(Object.values(due(run, T0)), [[0]], item.phase);
  }
});

test('what an activity has is not due, and does not wake', () => {
  const run = runOf(2);
  const [step] = dueSteps(run, stepOf(rules), flow, T0);
  assert.ok(step);
  const begun = began(run, step);
  assert.deepEqual(due(begun, T0 + HOUR), {});
  assert.equal(wakeAt(begun), null);
  assert.equal(run.items[0]?.busy, false, 'the run given is not changed');
});

test('it wakes for the earliest step that nothing holds', () => {
  const run = runWith(
    itemOf({ dueAt: T0 + 3 }),
    itemOf({ dueAt: T0 + 1, busy: true }),
    itemOf({ dueAt: T0 + 2 }),
    doubtfulItem({ ...free, dueAt: null }),
  );
  assert.equal(wakeAt(run), T0 + 2);
});

test('what only an operator can bring on never wakes', () => {
  const run = runWith(doubtfulItem({ ...free, dueAt: null }));
  assert.equal(wakeAt(run), null);
  assert.deepEqual(due(run, T0 + HOUR), {});
  assert.equal(isAtRest(run), true);
  assert.equal(isAtRest(runWith(doubtfulItem({ dueAt: null }))), false, 'while it is asked for');
});

test('replace changes by index, takes out what is null and leaves the rest and the order alone', () => {
  const run = runOf(4);
  const changed = replace(
    run,
    new Map<number, Item | null>([
      [1, null],
      [2, acceptedItem({ index: 2, id: 'r-2' })],
      [9, itemOf({ index: 9 })],
    ]),
  );
  assert.deepEqual(
    changed.items.map(({ index, phase }) => [index, phase]),
    [
      [0, 'claim'],
      [2, 'poll'],
      [3, 'claim'],
    ],
  );
});

test('answers go to their items by index; who is not named stays due, and whose claim was taken leaves', () => {
  const items = [0, 1, 2].map((index) => settlingItem({ index }));
  const answers = [
    { index: 1, kind: 'settled' },
    { index: 2, kind: 'taken' as const },
    { index: 7, kind: 'settled' },
  ];
  const answered = answersTo<Item, (typeof items)[number], { index: number; kind: string }>(
    items,
    answers,
    () => null,
  );
  const run = applied({ items, settled: { registered: 4 }, cancelling: false }, answered, flow, T0);
  assert.deepEqual(run.items, [{ ...items[0], busy: false }]);
  assert.deepEqual(run.settled, { registered: 5, taken: 1 });
});

test('a step without an answer leaves nobody out, and each as its flow says', () => {
  const run = runWith(acceptedItem(), acceptedItem({ openSince: T0 - rules.maxOpen }), itemOf());
  const step = { kind: 'poll', items: run.items.slice(0, 2) };
  const after = applied(run, unanswered(step, 'timeout', flow, T0), flow, T0);
  assert.deepEqual(
    after.items.map(({ phase, busy }) => [phase, busy]),
    [
      ['poll', false],
      ['settle', false],
      ['claim', false],
    ],
  );
  assert.deepEqual(after.settled, {});
});

test('a run that is cancelled leaves to a step what it has, until it comes back', () => {
  const run = cancelled(runWith(acceptedItem(), acceptedItem(free)), flow, T0);
  assert.equal(run.cancelling, true);
  assert.deepEqual(
    run.items.map(({ phase }) => phase),
    ['poll', 'settle'],
  );
  const step = { kind: 'poll', items: run.items.slice(0, 1) };
  const after = applied(run, unanswered(step, 'cancelled', flow, T0), flow, T0);
  assert.deepEqual(
    after.items.map(({ phase }) => phase),
    ['settle', 'settle'],
  );
});
