/** What becomes of an item whose step was given up without an answer, and of one whose run is cancelled. Pure. */
import { waitedSince } from './batch.ts';
import type { Item, Rules, StepKind } from './batch.ts';
import { followsDoubt, goOn, settle, settleOurs, unreadableForTooLong } from './item-changes.ts';
import { OUR_REASON } from './outcome.ts';

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
