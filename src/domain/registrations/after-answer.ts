/** What an answer makes of an item: one pure function per step. Times are epoch ms. */
import type {
  ClaimAnswer,
  LookUpAnswer,
  PollAnswer,
  SettleAnswer,
  SubmitAnswer,
} from './answers.ts';
import { pollDue, waitedSince } from './batch.ts';
import type { Item, Rules } from './batch.ts';
import { followsDoubt, goOn, settle, settleOurs, unreadableForTooLong } from './item-changes.ts';
import { entryNumber, nextEntry } from '../names.ts';
import { OUR_REASON } from './outcome.ts';

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
        dueAt: now + answer.rest,
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
      return goOn(item, { dueAt: now + Math.max(answer.rest, rules.pause) });
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
