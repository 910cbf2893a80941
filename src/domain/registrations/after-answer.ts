/** The transitions of an item: one pure function per step. Times are epoch ms. */
import type * as Answers from './answers.ts';
import {
  claimedOf,
  followsDoubt,
  goOn,
  missed,
  settle,
  settleOurs,
  unreadableForTooLong,
  type Claiming,
  type Doubtful,
  type Item,
  type Polling,
  type Settling,
  type Submitting,
  type Unfiled,
} from './item.ts';
import { restBefore } from '../backoff.ts';
import { entryKey, entryNumber, nextEntry } from '../names.ts';
import { OUR_REASON } from './outcome.ts';
import { nextPollAt, planAt } from './poll-plan.ts';
import type { Rules } from './rules.ts';

/** Null: the item leaves the run, as a duplicate. */
export function afterClaim(
  item: Claiming,
  answer: Answers.ClaimAnswer,
  rules: Rules,
  now: number,
): Item | null {
  switch (answer.kind) {
    case 'duplicate':
      return null;
    case 'undecided':
      return goOn(item, { sick: true, dueAt: now });
    case 'conflict': {
      // Its claim only keeps the bytes: nothing is filed under it.
      const entry = entryKey(answer.claim, 1);
      return settle(submitting(item, { ...answer, entry }, now), 'conflict', now, answer.reason);
    }
    case 'concluded': {
      const { outcome, requestId, acceptedAt, polls, doubt } = answer;
      const known = { outcome, requestId, acceptedAt, polls, doubt };
      return { ...claimedOf({ ...item, ...answer }), ...known, phase: 'settle', dueAt: now };
    }
    case 'claimed':
      return submitting(item, answer, now);
    case 'in-doubt':
      return doubted(submitting(item, answer, now), rules, now);
    case 'resumed': {
      const { requestId, acceptedAt } = answer;
      return {
        ...claimedOf({ ...item, ...answer }),
        ...{ phase: 'poll', requestId, acceptedAt, polls: 0, polledAt: null, dueAt: now },
        // A redrive gives it time anew. Nobody knows how long the run that it is taken from has not asked.
        ...(item.registration.failedGeneration === null
          ? { openSince: acceptedAt, missedSince: acceptedAt }
          : { openSince: now }),
      };
    }
  }
}

const submitting = (
  item: Claiming,
  { claim, entry }: { claim: string; entry: string },
  now: number,
) => submit({ ...item, claim, entry, rechecks: 0 }, { doubt: false, dueAt: now });

const submit = (
  item: Parameters<typeof claimedOf>[0] & { rechecks: number },
  changes: Partial<Submitting> & { dueAt: number; doubt: boolean },
): Submitting => ({ ...claimedOf(item), phase: 'submit', rechecks: item.rechecks, ...changes });

const isOpenTooLong = (item: Unfiled, rules: Rules, now: number): boolean =>
  now - item.receivedAt >= rules.maxOpen;

/** Looked up first where that is possible, and not tried for too long already; else a person is asked. */
const doubted = (item: Unfiled, rules: Rules, now: number): Doubtful =>
  rules.onUnknown === 'lookup' && !isOpenTooLong(item, rules, now)
    ? { ...inDoubt(item, now), doubt: true, lookUp: true }
    : askPerson(item, rules, now);

/** A person may decide; the journal is read again after each of the waits. */
function askPerson(item: Unfiled, rules: Rules, now: number): Doubtful {
  const wait = rules.rechecks[item.rechecks];
  const dueAt = wait === undefined ? null : now + wait;
  return { ...inDoubt(item, dueAt), doubt: true, rechecks: item.rechecks + 1 };
}

export const inDoubt = (item: Unfiled, dueAt: number | null): Doubtful => ({
  ...claimedOf(item),
  ...{ phase: 'doubt', doubt: item.doubt, rechecks: item.rechecks, lookUp: false, dueAt },
});

export function afterSubmit(
  item: Unfiled,
  answer: Answers.SubmitAnswer,
  rules: Rules,
  now: number,
): Item {
  const tooLong = isOpenTooLong(item, rules, now);
  switch (answer.kind) {
    case 'accepted': {
      const { requestId, at } = answer;
      const known = { requestId, acceptedAt: at, openSince: at, polls: 0, polledAt: null };
      const accepted: Polling = { ...claimedOf(item), ...known, phase: 'poll', dueAt: null };
      return polledNext(accepted, answer.retryAfter, rules, now);
    }
    case 'refused':
      return settle({ ...item, doubt: false }, 'rejected', now, answer.reason);
    case 'waiting':
      if (tooLong) return neverAccepted(item, now, 'it waited for its turn');
      return submit(item, { sick: item.sick, doubt: false, dueAt: now });
    case 'not-accepted': {
      if (tooLong) return neverAccepted(item, now, answer.reason);
      const dueAt = later(answer.retryAfter, rules, now);
      return submit(item, { sick: true, doubt: false, dueAt });
    }
    case 'pending':
      return submit(item, { sick: true, doubt: true, dueAt: now + answer.rest });
    case 'resubmit':
      return submit(item, { entry: nextEntry(item.entry), doubt: false, dueAt: now });
    case 'unknown': {
      if (answer.needsPerson === true) return askPerson(item, rules, now);
      if (rules.onUnknown !== 'resubmit' || tooLong) return doubted(item, rules, now);
      const entry = nextEntry(item.entry);
      const dueAt = now + restBefore(rests(rules), entryNumber(item.entry));
      return submit(item, { entry, sick: true, doubt: false, dueAt });
    }
    case 'abandoned':
      return settle({ ...item, doubt: true }, 'in-doubt', now, answer.reason);
  }
}

const later = (rest: number | null, { pause }: Rules, now: number): number =>
  now + Math.max(rest ?? 0, pause);

const neverAccepted = (item: Unfiled, now: number, why: string): Settling =>
  settle({ ...item, doubt: followsDoubt(item) }, 'failed', now, `never accepted: ${why}`);

/** Longer for each further entry. */
const rests = ({ pause: initial }: Rules) =>
  ({ kind: 'exponential', initial, longest: 60_000 }) as const;

export function afterLookUp(
  item: Doubtful,
  answer: Answers.LookUpAnswer,
  rules: Rules,
  now: number,
): Item {
  switch (answer.kind) {
    case 'absent':
      return goOn(item, { dueAt: later(answer.rest, rules, now) });
    case 'ambiguous':
      return askPerson(item, rules, now);
    case 'unreadable':
      return goOn(item, { sick: true, dueAt: later(answer.retryAfter, rules, now) });
    case 'on the wire':
      return goOn(item, { sick: true, dueAt: now });
    case 'waiting':
      return goOn(item, { sick: item.sick, dueAt: now });
    case 'unknown':
      if (answer.needsPerson === true) return askPerson(item, rules, now);
      return goOn(item, { sick: true, dueAt: now + rules.pause });
    default:
      return afterSubmit(item, answer, rules, now);
  }
}

/** When an accepted item is next polled: by the plan, and once right after the deadline. */
export function pollDue(item: Polling, rules: Rules, now: number): number {
  // An item that joined an earlier poll is not polled again at its own time.
  const served = Math.max(now, item.dueAt ?? now);
  const planned = nextPollAt(planAt(rules.plan, item.index), item.acceptedAt, served);
  const deadline = item.openSince + (item.unread ?? 0) + rules.deadline;
  return now < deadline ? Math.min(planned, deadline) : planned;
}

/** Shorter ones are load. */
const OUTAGE_MS = 60_000;

/** How long it was due and could not be read, ms: the legacy system was away, or closed, or nobody asked. */
function outageOf({ missedSince, dueAt }: Polling, now: number): number {
  const late = now - (missedSince ?? dueAt ?? now);
  return late < OUTAGE_MS ? 0 : late;
}

/**
 * An item that only waits for its next poll, when another plan has come: asked sooner where that says so, never later, and not
 * while the legacy system wants to be left alone.
 */
export function broughtForward(item: Item, rules: Rules, now: number): Item {
  if (item.phase !== 'poll' || item.busy || item.sick || item.dueAt === null) return item;
  const planned = pollDue({ ...item, dueAt: null }, rules, now);
  const dueAt = Math.max(planned, item.restsUntil ?? 0);
  return dueAt < item.dueAt ? { ...item, dueAt } : item;
}

/**
 * With its next poll: when it is due, but not before the legacy system has been left alone as long as it asks for. When maxOpen
 * ends it is asked for the last time, whatever that said.
 */
function polledNext(item: Polling, rest: number | undefined, rules: Rules, now: number): Polling {
  const planned = pollDue(item, rules, now);
  if (rest === undefined) return { ...item, dueAt: planned };
  const restsUntil = Math.min(now + rest, item.openSince + rules.maxOpen);
  return { ...item, restsUntil, dueAt: Math.max(planned, restsUntil) };
}

/** `timed-out` is decided only by a readable "processing". An outage does not count, and fails nobody before maxOpen. */
export function afterPoll(
  item: Polling,
  answer: Answers.PollAnswer,
  rules: Rules,
  now: number,
): Item {
  const polled = { ...item, polls: item.polls + 1 };
  const isOver = now - item.openSince >= rules.maxOpen;
  switch (answer.kind) {
    case 'done':
      return settle(polled, 'registered', now);
    case 'failed':
      return settle(polled, 'failed', now, answer.reason);
    case 'processing': {
      const outage = outageOf(item, now);
      const unread = (item.unread ?? 0) + outage;
      if (isOver || now - item.openSince - unread >= rules.deadline)
        return settle(polled, 'timed-out', now, 'still processing at the deadline');
      const polledAt = outage > 0 ? now : Math.min(item.dueAt ?? now, now);
      const read = { polledAt, missedSince: undefined };
      const next = goOn(polled, { ...read, ...(unread > 0 ? { unread } : {}) });
      return polledNext(next, answer.retryAfter, rules, now);
    }
    case 'unreadable':
      if (isOver) return unreadableForTooLong(polled, now);
      return missed(polled, later(answer.retryAfter, rules, now), { sick: true });
    case 'on the wire':
    case 'waiting':
    case 'deferred': {
      if (isOver) return unreadableForTooLong(item, now);
      const sick = item.sick || answer.kind === 'on the wire';
      const dueAt = answer.kind === 'deferred' ? later(answer.retryAfter, rules, now) : now;
      return missed(item, dueAt, { sick });
    }
  }
}

/** Null: the item is settled and leaves the run. */
export function afterSettle(
  item: Settling,
  answer: Answers.SettleAnswer,
  rules: Rules,
  now: number,
): Settling | null {
  switch (answer.kind) {
    case 'settled':
    case 'setAside':
      return null;
    case 'missing':
      return settleOurs(item, now, OUR_REASON.noDocument);
    case 'leftover':
      return goOn(item, { sick: true, dueAt: now + rules.pause });
  }
}
