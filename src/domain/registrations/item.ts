/**
 * A registration in its run: a union by phase. after-answer.ts has the transitions; docs/explain/lifecycle.md draws them.
 *
 *   claim ──► submit ──► poll ──► settle
 *                └► doubt ◄┘ (a recheck, or an operator, resolves it)
 */
import { entryNumber } from '../names.ts';
import type { RunItem } from '../run.ts';
import type { Outcome } from './outcome.ts';

/** A delivery, as intake hands it to a run. Times are epoch ms. */
export interface NewRegistration {
  id: string;
  /** As the message has it, where that is another text of the same id. */
  writtenId?: string;
  /** The id as people may see it: itself, or its keyed hash when `registration.hashIds` is set. */
  label: string;
  bodyHash: string;
  /** The body in base64: a Buffer in JSON is four times as long. Properties as src/broker/rabbitmq/message.ts encodes them. */
  message: { body: string; properties: string };
  receivedAt: number;
  /** The generation whose failure record this delivery is, when it is a redrive. */
  failedGeneration: number | null;
  /** Of the record, if it has one: see admission.ts. */
  token?: string;
  /** The claim of a dead run that this registration takes up, instead of a delivery: its message is in that claim. */
  takes?: string;
}

interface Received extends RunItem {
  id: string;
  receivedAt: number;
}

/** What was delivered is kept only until the claim holds it. */
export interface Claiming extends Received {
  phase: 'claim';
  registration: NewRegistration;
}

interface Claimed extends Received {
  claim: string;
  entry: string;
}

export interface Submitting extends Claimed {
  phase: 'submit';
  /** It may be accepted: kept with the outcome, so that a redrive never POSTs it blindly. */
  doubt: boolean;
  /** How often its journal was read again. */
  rechecks: number;
}

export interface Doubtful extends Claimed {
  phase: 'doubt';
  doubt: boolean;
  rechecks: number;
  /** To be looked up in the legacy system before a person is asked (onUnknown: lookup). */
  lookUp: boolean;
}

export interface Polling extends Claimed {
  phase: 'poll';
  requestId: string;
  acceptedAt: number;
  /** Deadline and maxOpen count from here: its acceptance, or its redrive. */
  openSince: number;
  /** When the first of its polls was due that have not been read since. */
  missedSince?: number | undefined;
  /** Outages in which nothing was read of it, ms: the deadline leaves them out. */
  unread?: number;
  polls: number;
  /** When it was last known to be processing: the earlier of planned and actual poll, epoch ms. */
  polledAt: number | null;
  /** Until then the legacy system wants to be left alone, epoch ms: it does not come along with others earlier. */
  restsUntil?: number;
}

export interface Settling extends Claimed {
  phase: 'settle';
  requestId: string | null;
  acceptedAt: number | null;
  polls: number;
  doubt: boolean;
  outcome: Outcome;
}

export type Item = Claiming | Submitting | Doubtful | Polling | Settling;

export type Phase = Item['phase'];

/** Not known to be accepted. */
export type Unfiled = Submitting | Doubtful;

export const isIn =
  <P extends Phase>(phase: P) =>
  (item: Item): item is Extract<Item, { phase: P }> =>
    item.phase === phase;

export const newItems = (registrations: readonly NewRegistration[], now: number): Claiming[] =>
  registrations.map((registration, index) => {
    const { id, label, receivedAt } = registration;
    const known = { index, id, label, receivedAt, registration };
    return { ...known, phase: 'claim', busy: false, sick: false, dueAt: now };
  });

/** The item as it goes on in its phase: well and not busy, but for the changes. */
export const goOn = <I extends Item>(item: I, changes: Partial<I>): I => ({
  ...item,
  busy: false,
  sick: false,
  ...changes,
});

/** An accepted item that was due, and of which nothing was read: it is due again then. */
export const missed = (item: Polling, dueAt: number, changes: Partial<Polling>): Polling =>
  goOn(item, { missedSince: item.missedSince ?? item.dueAt ?? dueAt, ...changes, dueAt });

/** The fields of a claimed item in every phase; well and not busy. */
export const claimedOf = ({ index, label, id, receivedAt, claim, entry }: Claimed) => ({
  ...{ index, label, id, receivedAt, claim, entry },
  busy: false,
  sick: false,
});

export function settle(
  item: Unfiled | Polling,
  kind: Outcome['kind'],
  now: number,
  reason?: string,
): Settling {
  const known =
    item.phase === 'poll'
      ? { requestId: item.requestId, acceptedAt: item.acceptedAt, polls: item.polls, doubt: false }
      : { requestId: null, acceptedAt: null, polls: 0, doubt: item.doubt };
  return {
    ...claimedOf(item),
    ...known,
    phase: 'settle',
    dueAt: now,
    outcome: { kind, at: now, ...(reason === undefined ? {} : { reason }) },
  };
}

/** Something of ours ended it: a redrive goes on with what the legacy system has of it. */
export const settleOurs = (
  item: Unfiled | Polling | Settling,
  now: number,
  reason: string,
): Settling => ({
  ...(item.phase === 'settle'
    ? { ...item, ...claimedOf(item), dueAt: now }
    : settle(item, 'failed', now)),
  outcome: { kind: 'failed', at: now, reason, ours: true },
});

/** Whether an earlier entry may have been filed: its redrive has to go on with it. */
export const followsDoubt = ({ entry }: Unfiled): boolean => entryNumber(entry) > 1;

export const unreadableForTooLong = (item: Polling, now: number): Settling =>
  settle(item, 'timed-out', now, 'no readable answer within legacy.maxOpen');
