/** Registrations whose step has no answer, and those whose run is cancelled. Pure. */
import type { Flow, NoAnswer } from '../run.ts';
import { inDoubt } from './after-answer.ts';
import {
  followsDoubt,
  goOn,
  missed,
  settle,
  settleOurs,
  unreadableForTooLong,
  type Item,
  type Polling,
  type Settling,
  type Unfiled,
} from './item.ts';
import { OUR_REASON } from './outcome.ts';
import { coalesceOf } from './poll-plan.ts';
import type { Rules } from './rules.ts';

/** The rules change with the plan of polls. */
export const registrationFlow = (rules: () => Rules): Flow<Item> => ({
  comesAlong: (item) =>
    item.phase !== 'poll'
      ? 0
      : Math.max(0, Math.min(coalesceOf(rules().plan), (item.dueAt ?? 0) - (item.restsUntil ?? 0))),
  noAnswer: (item, why, now) => afterNoAnswer(item, why, rules(), now),
  whenCancelled,
  backWhenCancelled,
  howItLeft: (item, answer) =>
    item.phase === 'settle' && answer !== 'setAside' ? item.outcome.kind : answer,
});

/** ms; meanwhile an operator's word does not wait for the look-up. */
const LOOK_UP_REST = 60_000;

/**
 * `cancelled`: the item goes on later. `timeout`: legacy.maxOpen is over. `error`: the item ends with its request id, and if it
 * may have been sent, in doubt, so that a redrive reads the journal before it POSTs.
 */
export function afterNoAnswer(item: Item, why: NoAnswer, rules: Rules, now: number): Item {
  if (why === 'cancelled') {
    const { sick } = item;
    return item.phase === 'poll' ? missed(item, now, { sick }) : goOn(item, { sick, dueAt: now });
  }
  const later = { sick: true, dueAt: now + rules.pause };
  switch (item.phase) {
    case 'poll':
      if (why === 'error') return settleOurs(item, now, OUR_REASON.internal);
      // The step had the time of its oldest.
      return now - item.openSince >= rules.maxOpen
        ? unreadableForTooLong(item, now)
        : missed(item, later.dueAt, later);
    case 'submit':
      if (why === 'timeout') return inDoubt(item, now);
      return settleOurs({ ...item, doubt: true }, now, OUR_REASON.internal);
    case 'doubt':
      return goOn(item, item.lookUp ? { ...later, dueAt: now + LOOK_UP_REST } : later);
    case 'claim':
    case 'settle':
      return goOn(item, later);
  }
}

/** An accepted item ends as `cancelled`; of one that may have been sent the journal is read first; claims and settlements go on. */
export function whenCancelled(item: Item, now: number): Item {
  switch (item.phase) {
    case 'claim':
    case 'settle':
      return item;
    case 'poll':
      return cancelled(item, now);
    case 'submit':
    case 'doubt':
      if (item.phase === 'doubt' && item.dueAt === now && !item.lookUp) return item;
      // The journal is read; looking up, and perhaps filing anew, is for runs that go on.
      return inDoubt(item, now);
  }
}

export function backWhenCancelled(
  before: Item,
  after: Item,
  isAnswered: boolean,
  now: number,
): Item {
  const isRecheck = before.phase === 'doubt' && !before.lookUp;
  // The journal is read again after its rest.
  if (isRecheck && !isAnswered) return after;
  // It may be on the wire: its journal is read again until that knows its outcome.
  if (after.phase === 'submit' && after.doubt) return inDoubt(after, after.dueAt);
  const isJournalRead = isAnswered && (before.phase === 'submit' || isRecheck);
  return isJournalRead && after.phase !== 'claim' && after.phase !== 'settle'
    ? cancelled(after, now)
    : whenCancelled(after, now);
}

const cancelled = (item: Unfiled | Polling, now: number): Settling => ({
  ...settle(item, 'cancelled', now, 'the run was cancelled'),
  doubt: item.phase !== 'poll' && (item.doubt || followsDoubt(item)),
});
