/**
 * What an answer makes of an item: one pure function per step, and one for the step that was given up.
 * Answers are values that activities return by index; times are epoch ms.
 */
import { entryNumber, nextEntry } from './names.ts';
import { pollDue, waitedSince } from './batch.ts';
import type { Item, Rules, StepKind } from './batch.ts';
import { OUR_REASON } from './outcome.ts';
import type { FailureClass, Outcome } from './outcome.ts';

export type ClaimAnswer =
  | { index: number; kind: 'claimed'; claim: string; entry: string }
  | {
      index: number;
      kind: 'resumed'; // a redrive of what the legacy system had accepted: poll on, never POST again
      claim: string;
      entry: string;
      requestId: string;
      acceptedAt: number;
    }
  | { index: number; kind: 'in-doubt'; claim: string; entry: string }
  | {
      index: number;
      kind: 'concluded'; // taken from a dead run that had decided its end and not brought it to its destination
      claim: string;
      entry: string;
      outcome: Outcome;
      requestId: string | null;
      acceptedAt: number | null;
      polls: number;
      doubt: boolean;
    }
  | { index: number; kind: 'duplicate' }
  | { index: number; kind: 'conflict'; claim: string; reason: string }
  | { index: number; kind: 'undecided' }; // another run has the claim, and whether that is alive is not known yet

/**
 * Another run has taken the claim (takeover.ts): this one is thought dead, or was brought back by a reset, and has no more
 * say in it. The item leaves the batch.
 */
export interface Taken {
  index: number;
  kind: 'taken';
}

/** It waits for its turn, and others that were answered did not wait for it. */
export interface Waiting {
  index: number;
  kind: 'waiting';
}

/** It was asked for and is not answered yet, and others that were did not wait for it. */
export interface OnTheWire {
  index: number;
  kind: 'on the wire';
}

/** What the journal knows of a submission, freshly sent or read again. */
export type SubmitAnswer =
  | { index: number; kind: 'accepted'; requestId: string; at: number }
  | { index: number; kind: 'refused'; reason: string }
  | { index: number; kind: 'not-accepted'; reason: string; retryAfter: number | null }
  | { index: number; kind: 'unknown'; reason: string; needsPerson?: true } // only a person may say what comes next
  | { index: number; kind: 'pending'; until: number } // it may be on the wire: the journal is read again then
  | Waiting
  | { index: number; kind: 'resubmit' }
  | { index: number; kind: 'abandoned'; reason: string };

/** What the journal knows, or else what a look-up in the legacy system says of a registration in doubt. */
export type LookUpAnswer =
  | SubmitAnswer
  | { index: number; kind: 'absent'; until: number } // too early to believe it: look again then
  | { index: number; kind: 'ambiguous'; reason: string }
  | { index: number; kind: 'unreadable'; reason: string; retryAfter: number | null }
  | OnTheWire;

export type PollAnswer =
  | { index: number; kind: 'processing' }
  | { index: number; kind: 'done' }
  | { index: number; kind: 'failed'; reason: string }
  | { index: number; kind: 'unreadable'; reason: string; retryAfter: number | null }
  | { index: number; kind: 'held'; reason: string; retryAfter: number } // not asked: a limit or the circuit breaker
  | OnTheWire
  | Waiting;

export type SettleAnswer =
  | { index: number; kind: 'settled' }
  | { index: number; kind: 'missing' } // no such document, and mongodb.upsert is off
  | { index: number; kind: 'unroutable' } // can never be stored: set aside, with an alert
  | { index: number; kind: 'leftover' };

const settle = (
  item: Item,
  kind: FailureClass | 'registered',
  now: number,
  reason?: string,
): Item => ({
  ...item,
  phase: 'settle',
  busy: false,
  sick: false,
  dueAt: now,
  outcome: { kind, at: now, ...(reason === undefined ? {} : { reason }) },
});

/** Something of ours ended it: a redrive goes on with what the legacy system has of it. */
const settleOurs = (item: Item, now: number, reason: string): Item => ({
  ...settle(item, 'failed', now),
  outcome: { kind: 'failed', at: now, reason, ours: true },
});

/** Whether an earlier entry may have been filed: the next one was opened because nobody knew. Its redrive has to go on with it. */
const followsDoubt = ({ requestId, entry }: Item): boolean =>
  requestId === null && entryNumber(entry) > 1;

const goOn = (item: Item, changes: Partial<Item>): Item => ({
  ...item,
  busy: false,
  sick: false,
  ...changes,
});

/** Null: the item leaves the batch, as a duplicate. */
export function afterClaim(
  item: Item,
  answer: ClaimAnswer,
  rules: Rules,
  now: number,
): Item | null {
  switch (answer.kind) {
    case 'duplicate':
      return null;
    case 'undecided':
      return goOn(item, { sick: true, dueAt: now });
    case 'conflict':
      return settle(
        { ...item, message: null, claim: answer.claim },
        'conflict',
        now,
        answer.reason,
      );
    case 'concluded': {
      const { claim, entry, outcome, requestId, acceptedAt, polls, doubt } = answer;
      const known = { claim, entry, outcome, requestId, acceptedAt, polls, doubt };
      return goOn(item, { ...known, message: null, phase: 'settle', dueAt: now });
    }
    case 'claimed':
    case 'resumed':
    case 'in-doubt': {
      const { claim, entry } = answer;
      const claimed = goOn(item, { message: null, claim, entry, phase: 'submit', dueAt: now });
      if (answer.kind === 'claimed') return claimed;
      if (answer.kind === 'in-doubt') return doubted(claimed, rules, now);
      const { requestId, acceptedAt } = answer;
      // It may have been redriven just because it was not given time enough.
      const limits = rules.renewLimits === true && item.redrive !== null ? { openSince: now } : {};
      return { ...claimed, phase: 'poll', requestId, acceptedAt, dueAt: now, ...limits };
    }
  }
}

const isOpenTooLong = (item: Item, rules: Rules, now: number): boolean =>
  now - item.receivedAt >= rules.maxOpen;

/** In doubt: looked up first where that is possible, and not tried for too long already; else a person is asked. */
const doubted = (item: Item, rules: Rules, now: number): Item =>
  rules.onUnknown === 'lookup' && !isOpenTooLong(item, rules, now)
    ? goOn(item, { phase: 'doubt', doubt: true, lookUp: true, dueAt: now })
    : enterDoubt(item, rules, now);

const enterDoubt = (item: Item, rules: Rules, now: number): Item => {
  const wait = rules.rechecks[item.rechecks];
  return goOn(item, {
    phase: 'doubt',
    doubt: true,
    rechecks: item.rechecks + 1,
    dueAt: wait === undefined ? null : now + wait,
  });
};

/** In doubt, and not looked up any more. */
const askPerson = (item: Item, rules: Rules, now: number): Item =>
  enterDoubt({ ...item, lookUp: false }, rules, now);

export function afterSubmit(item: Item, answer: SubmitAnswer, rules: Rules, now: number): Item {
  const tooLong = isOpenTooLong(item, rules, now);
  switch (answer.kind) {
    case 'accepted': {
      const { requestId, at } = answer;
      const accepted = goOn(item, { phase: 'poll', requestId, acceptedAt: at, doubt: false });
      // What was due before was a look into the journal, up to a day ahead: no poll that could count as one of the plan.
      const planned = rules.pollConfirmed === true ? { ...accepted, dueAt: null } : accepted;
      return { ...accepted, dueAt: pollDue(planned, rules, now) };
    }
    case 'refused':
      return settle({ ...item, doubt: false }, 'rejected', now, answer.reason);
    case 'waiting':
      if (tooLong) return neverAccepted(item, now, 'it waited for its turn');
      return goOn(item, { phase: 'submit', sick: item.sick, doubt: false, dueAt: now });
    case 'not-accepted': {
      const known = { ...item, doubt: false };
      if (tooLong) return neverAccepted(item, now, answer.reason);
      const dueAt = now + Math.max(answer.retryAfter ?? 0, rules.pause);
      return goOn(known, { phase: 'submit', sick: true, dueAt });
    }
    case 'pending':
      return goOn(item, {
        phase: 'submit',
        sick: true,
        doubt: true,
        dueAt: Math.max(answer.until, now),
      });
    case 'resubmit':
      return goOn(item, {
        phase: 'submit',
        entry: nextEntry(item.entry),
        doubt: false,
        dueAt: now,
      });
    case 'unknown':
      if (answer.needsPerson === true) return askPerson(item, rules, now);
      if (rules.onUnknown === 'resubmit' && !tooLong) {
        const again = afterSubmit(item, { index: item.index, kind: 'resubmit' }, rules, now);
        if (rules.patient !== true) return again;
        return { ...again, sick: true, dueAt: now + restBefore(again.entry, rules) };
      }
      return doubted(item, rules, now);
    case 'abandoned':
      return settle({ ...item, doubt: true }, 'in-doubt', now, answer.reason);
  }
}

const neverAccepted = (item: Item, now: number, why: string): Item =>
  settle({ ...item, doubt: followsDoubt(item) }, 'failed', now, `never accepted: ${why}`);

/** ms */
const LONGEST_REST = 60_000;

/** What is sent again and again is one registration's trouble, or everybody's: neither is mended by sending it at once. */
const restBefore = (entry: string, { pause }: Rules): number =>
  Math.min(pause * 2 ** Math.min(entryNumber(entry) - 2, 20), LONGEST_REST);

/** Found: polled on. Surely absent: submitted again. Found twice: a person is asked. Else it is looked up again. */
export function afterLookUp(item: Item, answer: LookUpAnswer, rules: Rules, now: number): Item {
  switch (answer.kind) {
    case 'absent':
      return goOn(item, { dueAt: Math.max(answer.until, now + rules.pause) });
    case 'ambiguous':
      return askPerson(item, rules, now);
    case 'unreadable':
      return goOn(item, {
        sick: true,
        dueAt: now + Math.max(answer.retryAfter ?? 0, rules.pause),
      });
    case 'on the wire':
      return goOn(item, { sick: true, dueAt: now });
    case 'waiting':
      return goOn(item, { sick: item.sick, dueAt: now });
    case 'unknown':
      if (answer.needsPerson === true) return askPerson(item, rules, now);
      return goOn(item, { sick: true, dueAt: now + rules.pause });
    case 'accepted':
    case 'refused':
    case 'not-accepted':
    case 'pending':
    case 'resubmit':
    case 'abandoned':
      return afterSubmit(item, answer, rules, now);
  }
}

/** `timed-out` is decided only by a readable "processing": time without an answer fails nobody (design: deadlines). */
export function afterPoll(item: Item, answer: PollAnswer, rules: Rules, now: number): Item {
  const polled = { ...item, polls: item.polls + 1 };
  switch (answer.kind) {
    case 'done':
      return settle(polled, 'registered', now);
    case 'failed':
      return settle(polled, 'failed', now, answer.reason);
    case 'processing':
      if (now - (waitedSince(item) ?? now) >= rules.deadline) {
        return settle(polled, 'timed-out', now, 'still processing at the deadline');
      }
      return goOn(polled, {
        dueAt: pollDue(polled, rules, now),
        polledAt: Math.min(item.dueAt ?? now, now),
      });
    case 'on the wire':
    case 'waiting':
      if (now - (waitedSince(item) ?? now) >= rules.maxOpen) return unreadableForTooLong(item, now);
      return goOn(item, { sick: item.sick || answer.kind === 'on the wire', dueAt: now });
    case 'held':
      if (now - (waitedSince(item) ?? now) >= rules.maxOpen) return unreadableForTooLong(item, now);
      return goOn(item, {
        sick: item.sick,
        dueAt: now + Math.max(answer.retryAfter, rules.pause),
      });
    case 'unreadable':
      if (now - (waitedSince(item) ?? now) >= rules.maxOpen)
        return unreadableForTooLong(polled, now);
      return goOn(polled, {
        sick: true,
        dueAt: now + Math.max(answer.retryAfter ?? 0, rules.pause),
      });
  }
}

const unreadableForTooLong = (item: Item, now: number): Item =>
  settle(item, 'timed-out', now, 'no readable answer within legacy.maxOpen');

/** Null: the item is settled and leaves the batch. */
export function afterSettle(
  item: Item,
  answer: SettleAnswer,
  rules: Rules,
  now: number,
): Item | null {
  switch (answer.kind) {
    case 'settled':
    case 'unroutable':
      return null;
    case 'missing':
      return settleOurs(item, now, OUR_REASON.noDocument);
    case 'leftover':
      return goOn(item, { sick: true, dueAt: now + rules.pause });
  }
}

/** ms; while it rests an operator's word on the registration need not wait for the look-up. */
const LOOK_UP_REST = 60_000;

/** Why an activity ended without an answer. */
export type NoAnswer = 'cancelled' | 'timeout' | 'error';

/**
 * An activity ended without an answer. `cancelled`: the run wanted it back, and goes on later. `timeout`: legacy.maxOpen
 * is over. `error`: something of ours is wrong for good; the item ends with its request id, and if it may have been
 * sent, in doubt, so that a redrive reads the journal before it POSTs.
 */
export function afterNoAnswer(item: Item, why: NoAnswer, rules: Rules, now: number): Item {
  if (why === 'cancelled') return goOn(item, { sick: item.sick, dueAt: now });
  switch (item.phase) {
    case 'poll':
      if (why === 'timeout') {
        // The step had the time of its oldest.
        const isOver = now - (waitedSince(item) ?? now) >= rules.maxOpen;
        if (isOver || rules.patient !== true) return unreadableForTooLong(item, now);
        return goOn(item, { sick: true, dueAt: now + rules.pause });
      }
      return settleOurs(item, now, OUR_REASON.internal);
    case 'submit':
      if (why === 'timeout') return goOn(item, { phase: 'doubt', dueAt: now });
      return settleOurs({ ...item, doubt: true }, now, OUR_REASON.internal);
    case 'claim':
    case 'doubt':
    case 'settle':
      return goOn(item, {
        sick: true,
        dueAt: now + (item.lookUp === true ? LOOK_UP_REST : rules.pause),
      });
  }
}

/** What cancellation makes of an item that a step has just come back with, or was given up for without an answer. */
export function backWhenCancelled(
  item: Item,
  step: StepKind,
  isAnswered: boolean,
  now: number,
): Item {
  // The journal is read again after its rest.
  if (step === 'recheck' && !isAnswered) return item;
  const readsJournal = step === 'submit' || step === 'recheck';
  // What may be on the wire has its journal read again, until that says what became of it.
  if (isPending(item)) return { ...item, phase: 'doubt', lookUp: false, sick: false };
  return whenCancelled(item, now, readsJournal && isAnswered);
}

/** Its last answer was that it may be on the wire. */
const isPending = (item: Item): boolean => !item.busy && item.phase === 'submit' && item.doubt;

/**
 * What cancellation makes of an item that no activity holds. What is accepted, or known not to be, ends as
 * `cancelled`; what may have been sent has its journal read first; claims and settlements go on.
 */
export function whenCancelled(item: Item, now: number, journalRead: boolean): Item {
  if (item.busy || item.phase === 'claim' || item.phase === 'settle') return item;
  if (item.phase === 'poll' || journalRead) {
    const known = { ...item, doubt: item.doubt || followsDoubt(item) };
    return settle(known, 'cancelled', now, 'the run was cancelled');
  }
  if (item.phase === 'doubt' && item.dueAt === now && item.lookUp !== true) return item;
  // The journal is read; looking up, and perhaps filing anew, is for runs that go on.
  const noLookUp = item.lookUp === true ? { lookUp: false } : {};
  return { ...item, ...noLookUp, phase: 'doubt', dueAt: now, sick: false };
}
