import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  afterClaim,
  afterLookUp,
  afterPoll,
  afterSettle,
  afterSubmit,
  broughtForward,
  pollDue,
} from '../../../src/domain/registrations/after-answer.ts';
import {
  afterNoAnswer,
  backWhenCancelled,
  registrationFlow,
  whenCancelled,
} from '../../../src/domain/registrations/flow.ts';
import type {
  LookUpAnswer,
  PollAnswer,
  SettleAnswer,
  SubmitAnswer,
} from '../../../src/domain/registrations/answers.ts';
import type {
  Doubtful,
  Item,
  Phase,
  Polling,
  Submitting,
} from '../../../src/domain/registrations/item.ts';
import type { NoAnswer } from '../../../src/domain/run.ts';
import {
  DAY,
  HOUR,
  T0,
  acceptedItem,
  claimedItem,
  doubtfulItem,
  inEachPhase,
  itemOf,
  registrationOf,
  rules,
  seen,
  settlingItem,
} from '../../helpers/items.ts';

const NOW = T0 + 5_000;

/** What its phase does not know of an item counts as this. */
const UNKNOWN = { rechecks: 0, lookUp: false, polls: 0, polledAt: null };

/** What changed from one item to the next. */
function changes(before: Item, after: Item | null): object | null {
  if (after === null) return null;
  const known = Object.entries({ ...UNKNOWN, ...seen(before) });
  const was = new Map(known.map(([key, value]) => [key, JSON.stringify(value)]));
  return Object.fromEntries(
    Object.entries(after).filter(([key, value]) => was.get(key) !== JSON.stringify(value)),
  );
}

const outcomeOf = (item: Item) => seen(item).outcome;

const kept = { claim: 'r-0~0', entry: 'r-0~0#1' };

test('claimed: the message is let go, and it is submitted at once', () => {
  const item = itemOf({ busy: true });
  const after = afterClaim(item, { index: 0, kind: 'claimed', ...kept }, rules, NOW);
  assert.deepEqual(changes(item, after), {
    ...kept,
    phase: 'submit',
    busy: false,
    dueAt: NOW,
  });
});

test('a duplicate leaves the batch', () => {
  assert.equal(afterClaim(itemOf(), { index: 0, kind: 'duplicate' }, rules, NOW), null);
});

test('a conflict ends under the claim that keeps its bytes', () => {
  const item = itemOf({ busy: true });
  const answer = { index: 0, kind: 'conflict', claim: 'r-0~0!hash', reason: 'taken' } as const;
  assert.deepEqual(changes(item, afterClaim(item, answer, rules, NOW)), {
    claim: 'r-0~0!hash',
    entry: 'r-0~0!hash#1',
    phase: 'settle',
    busy: false,
    dueAt: NOW,
    outcome: { kind: 'conflict', at: NOW, reason: 'taken' },
  });
});

test('resumed: it is polled at once with the request id of before, and never submitted', () => {
  const item = itemOf({ busy: true });
  const after = afterClaim(
    item,
    { index: 0, kind: 'resumed', ...kept, requestId: 'AB583C-X', acceptedAt: T0 - DAY },
    rules,
    NOW,
  );
  assert.deepEqual(changes(item, after), {
    ...kept,
    phase: 'poll',
    busy: false,
    dueAt: NOW,
    requestId: 'AB583C-X',
    acceptedAt: T0 - DAY,
    openSince: T0 - DAY,
    missedSince: T0 - DAY,
  });
});

test('what is redriven and still "processing" has its whole deadline again, counted from the redrive', () => {
  const answer = {
    index: 0,
    kind: 'resumed',
    ...kept,
    requestId: 'AB583C-X',
    acceptedAt: T0 - DAY,
  } as const;
  const redelivered = itemOf({ registration: { ...registrationOf('r-0'), failedGeneration: 0 } });
  const redriven = afterClaim(redelivered, answer, rules, NOW);
  assert.ok(redriven?.phase === 'poll');
  const processing = { index: 0, kind: 'processing' } as const;
  const once = afterPoll(redriven, processing, rules, NOW);
  assert.ok(once.phase === 'poll');
  assert.ok(once.dueAt !== null && once.dueAt > NOW && once.dueAt <= NOW + rules.deadline);
  const { at, ended } = polledToItsEnd(once, processing);
  assert.equal(ended?.kind, 'timed-out');
  assert.equal(at, NOW + rules.deadline);
});

/** Asked whenever it is due, and answered at once. */
function polledToItsEnd(from: Polling, answer: PollAnswer) {
  for (let item = from; ;) {
    const at = item.dueAt ?? NOW;
    const after = afterPoll(item, answer, rules, at);
    if (after.phase !== 'poll') return { at, ended: outcomeOf(after) };
    item = after;
  }
}

test('an outage does not count against the deadline, whoever was away, and however often it is asked about afterwards', () => {
  const processing = { index: 0, kind: 'processing' } as const;
  const unreadable = {
    index: 0,
    kind: 'unreadable',
    reason: 'HTTP 503',
    retryAfter: null,
  } as const;
  const begun = afterPoll(acceptedItem({ dueAt: T0 + 11_000 }), processing, rules, T0 + 11_000);
  assert.ok(begun.phase === 'poll' && begun.dueAt !== null);
  const night = 8 * HOUR;
  const reopened = begun.dueAt + night;

  // The legacy system is closed, and nobody here.
  const closed = afterPoll(begun, unreadable, rules, reopened - 1_000);
  assert.ok(closed.phase === 'poll');
  for (const item of [{ ...closed, dueAt: reopened }, begun]) {
    const open = afterPoll(item, processing, rules, reopened);
    assert.ok(open.phase === 'poll', 'it is not at its end because of the night');
    assert.equal(open.unread, night);
    const { at, ended } = polledToItsEnd(open, processing);
    assert.equal(ended?.kind, 'timed-out');
    assert.equal(at, T0 + rules.deadline + night);
  }
});

test('what is taken over from a run that has long been dead is asked for a deadline more', () => {
  const answer = { index: 0, kind: 'resumed', ...kept, requestId: 'AB583C-X' } as const;
  const taken = afterClaim(itemOf(), { ...answer, acceptedAt: T0 - DAY }, rules, NOW);
  assert.ok(taken?.phase === 'poll');
  const { at, ended } = polledToItsEnd(taken, { index: 0, kind: 'processing' });
  assert.equal(ended?.kind, 'timed-out');
  assert.ok(at > NOW + rules.deadline - 60_000 && at <= NOW + rules.deadline, `${at - NOW}`);
});

test('a redrive in doubt stays in doubt, and its journal is read again after the first wait', () => {
  const item = itemOf({ busy: true });
  const after = afterClaim(item, { index: 0, kind: 'in-doubt', ...kept }, rules, NOW);
  assert.deepEqual(changes(item, after), {
    ...kept,
    phase: 'doubt',
    doubt: true,
    rechecks: 1,
    busy: false,
    dueAt: NOW + 15_000,
  });
});

type SubmitCase = [
  name: string,
  before: Submitting | Doubtful,
  answer: SubmitAnswer,
  changed: object,
];
const AT = T0 + 4_000;
const submitCases: SubmitCase[] = [
  [
    'accepted: polled first where the plan says',
    claimedItem(),
    { index: 0, kind: 'accepted', requestId: 'AB583C-X', at: AT },
    {
      ...{ phase: 'poll', requestId: 'AB583C-X', acceptedAt: AT, openSince: AT },
      ...{ busy: false, dueAt: AT + 11_000 },
    },
  ],
  [
    'accepted after all: no longer in doubt or sick',
    doubtfulItem({ sick: true, rechecks: 2 }),
    { index: 0, kind: 'accepted', requestId: 'AB583C-X', at: AT },
    {
      phase: 'poll',
      requestId: 'AB583C-X',
      acceptedAt: AT,
      openSince: AT,
      busy: false,
      sick: false,
      dueAt: AT + 11_000,
    },
  ],
  [
    'refused: rejected with the reason',
    claimedItem(),
    { index: 0, kind: 'refused', reason: 'CPF inválido' },
    {
      phase: 'settle',
      busy: false,
      dueAt: NOW,
      outcome: { kind: 'rejected', at: NOW, reason: 'CPF inválido' },
    },
  ],
  [
    'refused after all: what was in doubt is known not to be filed',
    doubtfulItem(),
    { index: 0, kind: 'refused', reason: 'no' },
    {
      phase: 'settle',
      busy: false,
      doubt: false,
      dueAt: NOW,
      outcome: { kind: 'rejected', at: NOW, reason: 'no' },
    },
  ],
  [
    'not accepted: again after the pause, apart from the well ones',
    claimedItem(),
    { index: 0, kind: 'not-accepted', reason: 'HTTP 503', retryAfter: null },
    { busy: false, sick: true, dueAt: NOW + 1_000 },
  ],
  [
    'not accepted with Retry-After: not before that',
    claimedItem(),
    { index: 0, kind: 'not-accepted', reason: 'HTTP 429', retryAfter: 7_000 },
    { busy: false, sick: true, dueAt: NOW + 7_000 },
  ],
  [
    'not accepted with a Retry-After of zero: not before the pause',
    claimedItem(),
    { index: 0, kind: 'not-accepted', reason: 'HTTP 429', retryAfter: 0 },
    { busy: false, sick: true, dueAt: NOW + 1_000 },
  ],
  [
    'not accepted after a doubt: the same entry is submitted again',
    doubtfulItem(),
    { index: 0, kind: 'not-accepted', reason: 'never sent', retryAfter: null },
    { phase: 'submit', doubt: false, busy: false, sick: true, dueAt: NOW + 1_000 },
  ],
  [
    'not accepted for as long as maxOpen: failed, and known not to be filed',
    claimedItem({ receivedAt: NOW - 7 * DAY, doubt: true }),
    { index: 0, kind: 'not-accepted', reason: 'HTTP 503', retryAfter: null },
    {
      phase: 'settle',
      busy: false,
      doubt: false,
      dueAt: NOW,
      outcome: { kind: 'failed', at: NOW, reason: 'never accepted: HTTP 503' },
    },
  ],
  [
    'pending: it may be on the wire, so the journal is asked again then, and holds nobody back',
    claimedItem(),
    { index: 0, kind: 'pending', rest: 18_000 },
    { busy: false, sick: true, doubt: true, dueAt: NOW + 18_000 },
  ],
  [
    'pending, without a rest: asked again at once',
    claimedItem(),
    { index: 0, kind: 'pending', rest: 0 },
    { busy: false, sick: true, doubt: true, dueAt: NOW },
  ],
  [
    'waiting: it goes at once, with the others that are well',
    claimedItem(),
    { index: 0, kind: 'waiting' },
    { busy: false, dueAt: NOW },
  ],
  [
    'waiting for as long as maxOpen: failed, and not in doubt',
    claimedItem({ receivedAt: NOW - 7 * DAY }),
    { index: 0, kind: 'waiting' },
    {
      phase: 'settle',
      busy: false,
      dueAt: NOW,
      outcome: { kind: 'failed', at: NOW, reason: 'never accepted: it waited for its turn' },
    },
  ],
  [
    'unknown: held in doubt, and the journal is read again after the first wait',
    claimedItem(),
    { index: 0, kind: 'unknown', reason: 'the answer was lost' },
    { phase: 'doubt', doubt: true, rechecks: 1, busy: false, dueAt: NOW + 15_000 },
  ],
  [
    'unknown again: read once more after the second wait',
    doubtfulItem({ rechecks: 1 }),
    { index: 0, kind: 'unknown', reason: 'the answer was lost' },
    { rechecks: 2, busy: false, dueAt: NOW + 300_000 },
  ],
  [
    'unknown when all waits are over: only an operator brings it on',
    doubtfulItem({ rechecks: 2 }),
    { index: 0, kind: 'unknown', reason: 'the answer was lost' },
    { rechecks: 3, busy: false, dueAt: null },
  ],
  [
    'resubmit: under the next entry, at once, and no longer in doubt',
    doubtfulItem({ rechecks: 3 }),
    { index: 0, kind: 'resubmit' },
    { phase: 'submit', entry: 'r-0~0#2', doubt: false, busy: false, dueAt: NOW },
  ],
  [
    'abandoned: in doubt to the end, with what the operator said',
    doubtfulItem(),
    { index: 0, kind: 'abandoned', reason: 'nobody knows' },
    {
      phase: 'settle',
      busy: false,
      dueAt: NOW,
      outcome: { kind: 'in-doubt', at: NOW, reason: 'nobody knows' },
    },
  ],
];
for (const [name, before, answer, changed] of submitCases) {
  test(`submit: ${name}`, () => {
    assert.deepEqual(changes(before, afterSubmit(before, answer, rules, NOW)), changed);
  });
}

test('unknown where the legacy system is idempotent: submitted again under the next entry', () => {
  const item = claimedItem();
  const answer = { index: 0, kind: 'unknown', reason: 'lost' } as const;
  const after = afterSubmit(item, answer, { ...rules, onUnknown: 'resubmit' }, NOW);
  const again = { busy: false, sick: true, entry: 'r-0~0#2', dueAt: NOW + rules.pause };
  assert.deepEqual(changes(item, after), again);
});

test('what is submitted again by itself rests before, longer each time, and holds nobody back', () => {
  const answer = { index: 0, kind: 'unknown', reason: 'lost' } as const;
  const patient = { ...rules, onUnknown: 'resubmit' } as const;
  const restAfter = (n: number): number => {
    const after = afterSubmit(claimedItem({ entry: `r-0~0#${n}` }), answer, patient, NOW);
    const { phase, entry, sick } = seen(after);
    assert.deepEqual([phase, entry, sick], ['submit', `r-0~0#${n + 1}`, true]);
    return (after.dueAt ?? 0) - NOW;
  };
  assert.deepEqual(
    [1, 2, 3, 4, 5, 6, 7, 1_000].map(restAfter),
    [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000],
  );
  const byPerson = afterSubmit(claimedItem(), { index: 0, kind: 'resubmit' }, patient, NOW);
  assert.deepEqual(
    [byPerson.sick, byPerson.dueAt],
    [false, NOW],
    'a word of a person is done at once',
  );
});

test('unknown, and for a person only: held in doubt, whatever else is done about doubts', () => {
  const item = doubtfulItem({ lookUp: true });
  const answer = { index: 0, kind: 'unknown', reason: 'shared', needsPerson: true } as const;
  for (const onUnknown of ['ask', 'lookup', 'resubmit'] as const) {
    const asked = { ...rules, onUnknown, lookUpAfter: 60_000 };
    for (const after of [afterSubmit, afterLookUp]) {
      const next = after(item, answer, asked, NOW);
      assert.deepEqual(changes(item, next), {
        ...{ busy: false, lookUp: false, rechecks: 1, dueAt: NOW + 15_000 },
      });
    }
  }
});

test('unknown for as long as maxOpen is held in doubt even then', () => {
  const item = claimedItem({ receivedAt: NOW - 7 * DAY });
  const answer = { index: 0, kind: 'unknown', reason: 'lost' } as const;
  const after = afterSubmit(item, answer, { ...rules, onUnknown: 'resubmit' }, NOW);
  assert.equal(after.phase, 'doubt');
});

const lookingUp = { ...rules, onUnknown: 'lookup', lookUpAfter: 60_000 } as const;

test('unknown where the legacy system can be asked: looked up at once, and for as long as maxOpen', () => {
  const item = claimedItem();
  const answer = { index: 0, kind: 'unknown', reason: 'lost' } as const;
  assert.deepEqual(changes(item, afterSubmit(item, answer, lookingUp, NOW)), {
    phase: 'doubt',
    busy: false,
    doubt: true,
    lookUp: true,
    dueAt: NOW,
  });
  const old = claimedItem({ receivedAt: NOW - 7 * DAY });
  const held = afterSubmit(old, answer, lookingUp, NOW);
  assert.ok(held.phase === 'doubt');
  assert.deepEqual([held.lookUp, held.dueAt], [false, NOW + 15_000]);
});

type LookUpCase = [name: string, answer: LookUpAnswer, changed: Partial<Item>];
const found = { requestId: 'AB583C-X', acceptedAt: NOW, openSince: NOW };
const lookUpCases: LookUpCase[] = [
  [
    'on the wire: asked for beside the others until it is answered',
    { index: 0, kind: 'on the wire' },
    { busy: false, sick: true, dueAt: NOW },
  ],
  [
    'waiting: it goes at once, with the others that are well',
    { index: 0, kind: 'waiting' },
    { busy: false, dueAt: NOW },
  ],
  [
    'found: polled under the request id that was found',
    { index: 0, kind: 'accepted', requestId: 'AB583C-X', at: NOW },
    { phase: 'poll', dueAt: NOW + 11_000, ...found },
  ],
  [
    'absent, and it may still arrive: looked up again when it can no longer',
    { index: 0, kind: 'absent', rest: 40_000 },
    { dueAt: NOW + 40_000 },
  ],
  [
    'surely absent: submitted under the next entry',
    { index: 0, kind: 'resubmit' },
    { phase: 'submit', entry: 'r-0~0#2', doubt: false, dueAt: NOW },
  ],
  [
    'found twice: a person is asked, and it is looked up no more',
    { index: 0, kind: 'ambiguous', reason: 'found 2 times' },
    { lookUp: false, rechecks: 1, dueAt: NOW + 15_000 },
  ],
  [
    'unreadable among others: looked up again by itself, after Retry-After',
    { index: 0, kind: 'unreadable', reason: 'HTTP 503', retryAfter: 5_000 },
    { sick: true, dueAt: NOW + 5_000 },
  ],
];
for (const [name, answer, changed] of lookUpCases) {
  test(`look-up: ${name}`, () => {
    const item = doubtfulItem({ lookUp: true });
    const after = afterLookUp(item, answer, lookingUp, NOW);
    assert.deepEqual(changes(item, after), { busy: false, ...changed });
  });
}

test('a look-up that got no answer rests for a minute, so that an operator’s word comes in between', () => {
  const item = doubtfulItem({ lookUp: true });
  assert.deepEqual(changes(item, afterNoAnswer(item, 'timeout', lookingUp, NOW)), {
    busy: false,
    sick: true,
    dueAt: NOW + 60_000,
  });
});

type PollCase = [name: string, elapsed: number, answer: PollAnswer, changed: Partial<Item>];
const pollCases: PollCase[] = [
  [
    'processing: polled again where the plan says',
    11_000,
    { index: 0, kind: 'processing' },
    { dueAt: T0 + 12_000 },
  ],
  [
    'processing just before the deadline: once more right at it',
    HOUR - 1,
    { index: 0, kind: 'processing' },
    { dueAt: T0 + HOUR },
  ],
  [
    'processing at the deadline: timed out',
    HOUR,
    { index: 0, kind: 'processing' },
    {
      phase: 'settle',
      dueAt: T0 + HOUR,
      outcome: { kind: 'timed-out', at: T0 + HOUR, reason: 'still processing at the deadline' },
    },
  ],
  [
    'done: registered',
    11_000,
    { index: 0, kind: 'done' },
    { phase: 'settle', dueAt: T0 + 11_000, outcome: { kind: 'registered', at: T0 + 11_000 } },
  ],
  [
    'done after the deadline: registered all the same',
    2 * HOUR,
    { index: 0, kind: 'done' },
    { phase: 'settle', dueAt: T0 + 2 * HOUR, outcome: { kind: 'registered', at: T0 + 2 * HOUR } },
  ],
  [
    'failed: with the reason of the legacy system',
    11_000,
    { index: 0, kind: 'failed', reason: 'documento ilegível' },
    {
      phase: 'settle',
      dueAt: T0 + 11_000,
      outcome: { kind: 'failed', at: T0 + 11_000, reason: 'documento ilegível' },
    },
  ],
  [
    'unreadable: again after the pause, apart from the well ones',
    11_000,
    { index: 0, kind: 'unreadable', reason: 'HTTP 500', retryAfter: null },
    { sick: true, dueAt: T0 + 12_000 },
  ],
  [
    'processing with Retry-After: not before that, whatever is planned',
    11_000,
    { index: 0, kind: 'processing', retryAfter: 30_000 },
    { restsUntil: T0 + 41_000, dueAt: T0 + 41_000 },
  ],
  [
    'processing with a Retry-After beyond the deadline: not before that either',
    11_000,
    { index: 0, kind: 'processing', retryAfter: 2 * HOUR },
    { restsUntil: T0 + 11_000 + 2 * HOUR, dueAt: T0 + 11_000 + 2 * HOUR },
  ],
  [
    'processing with a Retry-After beyond maxOpen: once more when maxOpen ends',
    11_000,
    { index: 0, kind: 'processing', retryAfter: 30 * DAY },
    { restsUntil: T0 + 7 * DAY, dueAt: T0 + 7 * DAY },
  ],
  [
    'unreadable with Retry-After: not before that',
    11_000,
    { index: 0, kind: 'unreadable', reason: 'HTTP 503', retryAfter: 9_000 },
    { sick: true, dueAt: T0 + 20_000 },
  ],
  [
    'unreadable long after the deadline: fails nobody',
    7 * DAY - 1,
    { index: 0, kind: 'unreadable', reason: 'HTTP 500', retryAfter: null },
    { sick: true, dueAt: T0 + 7 * DAY - 1 + 1_000 },
  ],
  [
    'unreadable for as long as maxOpen: timed out',
    7 * DAY,
    { index: 0, kind: 'unreadable', reason: 'HTTP 500', retryAfter: null },
    {
      phase: 'settle',
      dueAt: T0 + 7 * DAY,
      outcome: {
        kind: 'timed-out',
        at: T0 + 7 * DAY,
        reason: 'no readable answer within legacy.maxOpen',
      },
    },
  ],
];
for (const [name, elapsed, answer, changed] of pollCases) {
  test(`poll: ${name}`, () => {
    const at = T0 + elapsed;
    const dueAt = at - 1;
    const item = acceptedItem({ dueAt });
    const after = afterPoll(item, answer, rules, at);
    const known = answer.kind === 'processing' ? { polledAt: dueAt } : { missedSince: dueAt };
    const goesOn = after.phase === 'poll' ? known : {};
    assert.deepEqual(changes(item, after), { busy: false, polls: 1, ...goesOn, ...changed });
  });
}

test('deferred: it was not asked, so that nothing changes but when it is due', () => {
  const item = acceptedItem({ dueAt: T0, busy: true });
  const held = {
    index: 0,
    kind: 'deferred',
    reason: 'a limit is reached',
    retryAfter: 3_000,
  } as const;
  assert.deepEqual(changes(item, afterPoll(item, held, rules, NOW)), {
    busy: false,
    dueAt: NOW + 3_000,
    missedSince: T0,
  });
  assert.equal(afterPoll({ ...item, sick: true }, held, rules, NOW).sick, true);
  assert.equal(outcomeOf(afterPoll(item, held, rules, T0 + 7 * DAY))?.kind, 'timed-out');
});

test('a poll that is on the wire goes on beside the others, and one that waits goes on with them: neither was a poll', () => {
  const item = acceptedItem({ polls: 3 });
  const onTheWire = afterPoll(item, { index: 0, kind: 'on the wire' }, rules, NOW);
  const missed = { busy: false, dueAt: NOW, missedSince: T0 };
  assert.deepEqual(changes(item, onTheWire), { ...missed, sick: true });
  const waiting = afterPoll(item, { index: 0, kind: 'waiting' }, rules, NOW);
  assert.deepEqual(changes(item, waiting), missed);
  for (const kind of ['on the wire', 'waiting'] as const) {
    const after = afterPoll(item, { index: 0, kind }, rules, T0 + 7 * DAY);
    assert.equal(outcomeOf(after)?.kind, 'timed-out', 'not for longer than maxOpen');
  }
});

test('a claim whose run is not known to be alive or dead is asked about again, beside the others', () => {
  const item = itemOf({ busy: true });
  const after = afterClaim(item, { index: 0, kind: 'undecided' }, rules, NOW);
  assert.deepEqual(changes(item, after), { busy: false, sick: true, dueAt: NOW });
});

test('a run that is cancelled reads the journal of what may be on the wire until it knows', () => {
  const until = NOW + 1_000;
  const pending = { index: 0, kind: 'pending', rest: until - NOW } as const;
  for (const before of [claimedItem(), doubtfulItem()]) {
    const sent = afterSubmit(before, pending, rules, NOW);
    const item = backWhenCancelled(before, sent, true, NOW);
    assert.deepEqual([item.phase, item.dueAt], ['doubt', until]);
  }
  const doubtful = doubtfulItem();
  const lost = afterSubmit(doubtful, { index: 0, kind: 'unknown', reason: 'lost' }, rules, NOW);
  const ended = backWhenCancelled(doubtful, lost, true, NOW);
  assert.equal(outcomeOf(ended)?.kind, 'cancelled');
});

test('a readable answer makes a sick item well', () => {
  const after = afterPoll(
    acceptedItem({ sick: true }),
    { index: 0, kind: 'processing' },
    rules,
    NOW,
  );
  assert.equal(after.sick, false);
});

const settleCases: [SettleAnswer['kind'], Partial<Item> | null][] = [
  ['settled', null],
  ['setAside', null],
  ['leftover', { busy: false, sick: true, dueAt: NOW + 1_000 }],
  [
    'missing',
    {
      busy: false,
      dueAt: NOW,
      outcome: {
        kind: 'failed',
        at: NOW,
        reason: 'no document to update, and mongodb.upsert is off',
        ours: true,
      },
    },
  ],
];
for (const [kind, changed] of settleCases) {
  test(`settle: "${kind}" ${changed === null ? 'leaves the batch' : 'stays with its request id'}`, () => {
    const item = settlingItem();
    assert.deepEqual(changes(item, afterSettle(item, { index: 0, kind }, rules, NOW)), changed);
  });
}

type NoAnswerCase = [Phase, NoAnswer, object];
const paused = { busy: false, sick: true, dueAt: NOW + 1_000 };
const goesOn = { busy: false, dueAt: NOW };
const noAnswerCases: NoAnswerCase[] = [
  ['claim', 'cancelled', goesOn],
  ['claim', 'timeout', paused],
  ['claim', 'error', paused],
  ['submit', 'cancelled', goesOn],
  ['submit', 'timeout', { busy: false, phase: 'doubt', dueAt: NOW }],
  [
    'submit',
    'error',
    {
      busy: false,
      phase: 'settle',
      doubt: true,
      dueAt: NOW,
      outcome: { kind: 'failed', at: NOW, reason: 'internal error', ours: true },
    },
  ],
  ['poll', 'cancelled', { ...goesOn, missedSince: T0 }],
  ['poll', 'timeout', { ...paused, missedSince: T0 }],
  [
    'poll',
    'error',
    {
      busy: false,
      phase: 'settle',
      dueAt: NOW,
      outcome: { kind: 'failed', at: NOW, reason: 'internal error', ours: true },
    },
  ],
  ['doubt', 'cancelled', goesOn],
  ['doubt', 'timeout', paused],
  ['doubt', 'error', paused],
  ['settle', 'cancelled', goesOn],
  ['settle', 'timeout', paused],
  ['settle', 'error', paused],
];
for (const [phase, why, changed] of noAnswerCases) {
  test(`an activity of the phase "${phase}" that ends without an answer, by ${why}`, () => {
    const item = inEachPhase[phase]();
    const after = afterNoAnswer(item, why, rules, NOW);
    assert.deepEqual(changes(item, after), changed);
    assert.equal(seen(after).requestId, seen(item).requestId);
  });
}

test('when the time of a poll is over, only those have timed out that have waited for maxOpen themselves', () => {
  const young = acceptedItem({ acceptedAt: NOW - rules.maxOpen + 1 });
  const after = afterNoAnswer(young, 'timeout', rules, NOW);
  assert.deepEqual(changes(young, after), { ...paused, missedSince: T0 });
  const old = acceptedItem({ acceptedAt: NOW - rules.maxOpen });
  assert.equal(outcomeOf(afterNoAnswer(old, 'timeout', rules, NOW))?.kind, 'timed-out');
});

test('what a run takes back goes on as sick as it was', () => {
  assert.equal(afterNoAnswer(acceptedItem({ sick: true }), 'cancelled', rules, NOW).sick, true);
});

const cancelled = {
  phase: 'settle',
  dueAt: NOW,
  outcome: { kind: 'cancelled', at: NOW, reason: 'the run was cancelled' },
} as const;
const atRest = { busy: false, dueAt: T0 };
const cancelCases: [string, Item, object][] = [
  ['a claim goes on', itemOf(), {}],
  ['a settlement goes on', settlingItem(atRest), {}],
  ['what is accepted ends', acceptedItem(atRest), cancelled],
  [
    'what may have been sent has its journal read first',
    claimedItem(atRest),
    { phase: 'doubt', dueAt: NOW },
  ],
  [
    'a doubt has its journal read first, too',
    doubtfulItem({ ...atRest, dueAt: null }),
    { dueAt: NOW },
  ],
  [
    'a look-up becomes a reading of the journal',
    doubtfulItem({ ...atRest, lookUp: true }),
    {
      ...{ lookUp: false, dueAt: NOW },
    },
  ],
  ['a journal that is about to be read is waited for', doubtfulItem({ ...atRest, dueAt: NOW }), {}],
];
for (const [name, before, changed] of cancelCases) {
  test(`cancellation: ${name}`, () => {
    assert.deepEqual(changes(before, whenCancelled(before, NOW)), changed);
  });
}

test('cancellation: what its journal has told of ends, in doubt where the journal did not know', () => {
  const refused = claimedItem(atRest);
  const known = backWhenCancelled(claimedItem(), refused, true, NOW);
  assert.deepEqual(changes(refused, known), cancelled);
  const doubtful = doubtfulItem({ ...atRest, dueAt: null });
  const unknown = backWhenCancelled(doubtfulItem(), doubtful, true, NOW);
  assert.deepEqual(changes(doubtful, unknown), cancelled);
  assert.equal(seen(unknown).doubt, true);
});

test('cancellation: a journal that could not be read is read again after its rest', () => {
  const rests = doubtfulItem({ ...atRest, sick: true, dueAt: NOW + 1_000 });
  assert.deepEqual(backWhenCancelled(doubtfulItem(), rests, false, NOW), rests);
});

test('cancellation keeps the request id', () => {
  const accepted = whenCancelled(acceptedItem(atRest), NOW);
  assert.equal(seen(accepted).requestId, 'AB583C-X');
});

test('a doubt that is confirmed is polled by the plan, however far its next recheck', () => {
  const item = doubtfulItem({ dueAt: NOW + DAY });
  const answer = { index: 0, kind: 'accepted', requestId: 'REQ-0', at: NOW } as const;
  const first = NOW + (rules.plan.offsets[0] ?? 0);
  assert.equal(afterSubmit(item, answer, rules, NOW).dueAt, first);
});

test('an accepted item is polled by the plan, and once right at the deadline', () => {
  const item = acceptedItem();
  assert.equal(pollDue(item, rules, T0), T0 + 11_000);
  const late = { ...rules, deadline: 11_500 };
  assert.equal(pollDue(item, late, T0 + 11_000), T0 + 11_500);
  assert.equal(pollDue(item, late, T0 + 11_500), T0 + 12_000, 'and then by the plan again');
});

test('who was polled along with others before its time is next polled at the planned time after that', () => {
  const item = acceptedItem({ dueAt: T0 + 11_000 });
  assert.equal(pollDue(item, rules, T0 + 10_600), T0 + 12_000);
  assert.equal(pollDue(item, rules, T0 + 11_400), T0 + 12_000, 'and who was polled late, too');
});

test('another plan brings the next poll of an item forward, never back, and lets alone who has something else to wait for', () => {
  const sooner = { ...rules, plan: { offsets: [3_000, 4_000], tail: 1_000, longest: 1_000 } };
  const later = { ...rules, plan: { offsets: [30_000], tail: 1_000, longest: 1_000 } };
  const item = acceptedItem({ busy: false, dueAt: T0 + 11_000 });
  assert.deepEqual(broughtForward(item, sooner, T0 + 2_000), { ...item, dueAt: T0 + 3_000 });
  assert.deepEqual(broughtForward(item, sooner, T0 + 3_500), { ...item, dueAt: T0 + 4_000 });
  assert.equal(broughtForward(item, later, T0 + 2_000), item);
  for (const other of [{ busy: true }, { sick: true }, { dueAt: T0 + 2_500 }]) {
    const waiting = { ...item, ...other };
    assert.equal(broughtForward(waiting, sooner, T0 + 2_000), waiting);
  }
  const resting = { ...item, restsUntil: T0 + 11_000 };
  assert.equal(broughtForward(resting, sooner, T0 + 2_000), resting);
});

test('who rests because the legacy system asked for it does not come along with others before that', () => {
  const flow = registrationFlow(() => rules);
  const item = acceptedItem({ dueAt: T0 + 5_000 });
  const early = flow.comesAlong(item);
  assert.ok(early > 0);
  assert.equal(flow.comesAlong({ ...item, restsUntil: T0 + 5_000 }), 0);
  assert.equal(flow.comesAlong({ ...item, restsUntil: T0 + 5_000 - early / 2 }), early / 2);
  assert.equal(flow.comesAlong({ ...item, restsUntil: T0 + 9_000 }), 0);
  assert.equal(flow.comesAlong({ ...item, restsUntil: T0 - 60_000 }), early);
});
