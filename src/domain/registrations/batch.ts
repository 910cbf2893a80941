/**
 * The state of a run: 1..K registrations, each with the step it is due for. Pure: `dueSteps` says what to do now,
 * `wakeAt` when to look again, and `after…` (after-answer.ts) what an answer makes of an item. The workflow only drives it.
 *
 *   claim ──► submit ──► poll ──► settle          docs/lifecycle.md draws it in full
 *                └► doubt ◄┘ (what a recheck, or an operator, resolves)
 */
import { coalesceOf, nextPollAt } from './poll-plan.ts';
import type { PollPlan } from './poll-plan.ts';
import type { Outcome, OutcomeKind } from './outcome.ts';

/** The bytes of a delivery as they travel: base64, because a Buffer in JSON is four times as long. */
export interface WireMessage {
  body: string;
  /** AMQP properties as JSON, and the headers in it as the bytes they were (src/broker/rabbitmq/message.ts). */
  properties: string;
}

/** What intake hands to a run for each delivery. Times are epoch ms. */
export interface NewRegistration {
  id: string;
  /** The id as people may see it: itself, or its keyed hash when `registration.hashIds` is set. */
  label: string;
  bodyHash: string;
  message: WireMessage;
  receivedAt: number;
  /** The generation whose failure record this delivery is, when it is a redrive. */
  redrive: number | null;
  /** Of the record, if it has one: see src/registrations/redrive.ts. */
  token?: string;
  /** The claim of a dead run that this registration takes up, instead of a delivery: its message is in that claim. */
  takes?: string;
}

export type Phase = 'claim' | 'submit' | 'poll' | 'doubt' | 'settle';

export interface Item {
  index: number;
  id: string;
  label: string;
  bodyHash: string;
  /** Kept only until the claim holds it. */
  message: WireMessage | null;
  receivedAt: number;
  redrive: number | null;
  /** Of the record, if it has one: see src/registrations/redrive.ts. */
  token?: string;
  takes?: string;
  phase: Phase;
  /** An activity has it. */
  busy: boolean;
  /** Its last step went unanswered: it goes on in an activity of its own and holds nobody back. */
  sick: boolean;
  /** Epoch ms of its next step; null when only an operator can bring it on. */
  dueAt: number | null;
  claim: string;
  entry: string;
  requestId: string | null;
  acceptedAt: number | null;
  /** From when the deadline and maxOpen count, where not from the acceptance: when it was redriven. */
  openSince?: number;
  polls: number;
  /** Epoch ms when the last poll that said "processing" was due or made, the earlier of the two: it was not done then. */
  polledAt?: number;
  rechecks: number;
  /** In doubt, and to be looked up in the legacy system before a person is asked (onUnknown: lookup). */
  lookUp?: boolean;
  outcome: Outcome | null;
  /** Whether it was accepted is not known: kept with the outcome, so that a redrive never POSTs it blindly. */
  doubt: boolean;
}

/** What a run must know of the configuration; an argument, because workflow code may read nothing else. ms. */
export interface Rules {
  deadline: number;
  maxOpen: number;
  onUnknown: 'ask' | 'lookup' | 'resubmit';
  /** With `lookup`: how long after a lost answer a registration that is not found counts as never taken. */
  lookUpAfter?: number;
  plan: PollPlan;
  /** Polls due within this time of one another go together. */
  coalesce: number;
  /** Whether a poll that came before its planned time, along with others, counts as the planned one (absent in runs of before). */
  countEarly?: boolean;
  /** Whether a doubt that a person confirms is polled by the plan at once, not after its next recheck (absent in runs of before). */
  pollConfirmed?: boolean;
  /**
   * Whether a cancelled run reads the journal also of what was given up without an answer, and lets an operator's word that
   * it has begun be done (absent in runs of before).
   */
  cancelReadsJournal?: boolean;
  /** Whether the limits of what is redriven count anew, from the redrive (runs before were started without it). */
  renewLimits?: boolean;
  /**
   * Whether onUnknown: resubmit rests before it sends again, longer each time, and whether time that is over for one of a step
   * leaves the others theirs (absent in runs of before).
   */
  patient?: boolean;
  /** Rest before what was answered "not now" is tried again; longer rests are Temporal's retry policy. */
  pause: number;
  /** When the journal of an item in doubt is read again, after each other. */
  rechecks: number[];
  /** Whether claim, poll and persist are tried once inside the workflow task, before the server is given them. */
  localFirst: boolean;
  /**
   * Whether only one of them is under way at a time, and nothing is decided meanwhile (absent in runs of before, whose replay
   * may disagree with their history).
   */
  oneLocalAttempt?: boolean;
  /** Events after which a run continues as new, with a short history. */
  maxHistoryEvents: number;
}

/** The rules with the newest plan, as a poll brought it. */
export const withPlan = (rules: Rules, plan: PollPlan): Rules => ({
  ...rules,
  plan,
  coalesce: coalesceOf(plan),
});

export interface Batch {
  items: Item[];
  /** What has left the batch, by how. */
  settled: Partial<Record<OutcomeKind | 'duplicate' | 'unroutable' | 'taken', number>>;
  cancelling: boolean;
}

export type StepKind = 'claim' | 'submit' | 'poll' | 'recheck' | 'lookUp' | 'persist' | 'route';

export interface Step {
  kind: StepKind;
  items: Item[];
}

export function newBatch(registrations: readonly NewRegistration[], now: number): Batch {
  const items = registrations.map((registration, index): Item => ({
    ...registration,
    index,
    phase: 'claim',
    busy: false,
    sick: false,
    dueAt: now,
    claim: '',
    entry: '',
    requestId: null,
    acceptedAt: null,
    polls: 0,
    rechecks: 0,
    outcome: null,
    doubt: false,
  }));
  return { items, settled: {}, cancelling: false };
}

const stepOf = (item: Item): StepKind => {
  switch (item.phase) {
    case 'doubt':
      return item.lookUp === true ? 'lookUp' : 'recheck';
    case 'settle':
      return item.outcome?.kind === 'registered' ? 'persist' : 'route';
    case 'claim':
    case 'submit':
    case 'poll':
      return item.phase;
  }
};

/** The steps that are due, well and sick items apart. Items nearly due for a poll come along with those that are. */
export function dueSteps(batch: Batch, rules: Rules, now: number): Step[] {
  const groups = new Map<string, Step>();
  const horizon = (item: Item) =>
    item.phase === 'poll' && !item.sick ? now + rules.coalesce : now;
  const overdue = new Set(
    batch.items.filter((item) => isDue(item, now)).map((item) => groupOf(item)),
  );
  for (const item of batch.items) {
    const group = groupOf(item);
    if (!overdue.has(group) || !isDue(item, horizon(item))) continue;
    const step = groups.get(group) ?? { kind: stepOf(item), items: [] };
    step.items.push(item);
    groups.set(group, step);
  }
  return [...groups.values()];
}

const isDue = (item: Item, now: number) => !item.busy && item.dueAt !== null && item.dueAt <= now;
const groupOf = (item: Item) => `${stepOf(item)}${item.sick ? ':sick' : ''}`;

/** Epoch ms when the next step falls due, or null when nothing is due without an answer or an operator. */
export function wakeAt(batch: Batch): number | null {
  let earliest: number | null = null;
  for (const item of batch.items) {
    if (item.busy || item.dueAt === null) continue;
    if (earliest === null || item.dueAt < earliest) earliest = item.dueAt;
  }
  return earliest;
}

/** The batch with these items replaced (matched by index); null takes an item out. */
export function replace(batch: Batch, changed: ReadonlyMap<number, Item | null>): Batch {
  const items: Item[] = [];
  for (const item of batch.items) {
    const now = changed.get(item.index);
    if (now !== null) items.push(now ?? item);
  }
  return { ...batch, items };
}

/** The batch with the items of a step marked as taken by an activity. */
export function began(batch: Batch, step: Step): Batch {
  return replace(batch, new Map(step.items.map((item) => [item.index, { ...item, busy: true }])));
}

/** When an accepted item began to be waited for: at its acceptance, or when it was redriven. */
export const waitedSince = (item: Item): number | null => item.openSince ?? item.acceptedAt;

/** When an accepted item is next polled: by the plan, and once right after the deadline. */
export function pollDue(item: Item, rules: Rules, now: number): number {
  const acceptedAt = item.acceptedAt ?? now;
  // Else whoever came along with an earlier poll would be polled again at its own time, and nothing be saved.
  const served = rules.countEarly === true ? Math.max(now, item.dueAt ?? now) : now;
  const planned = nextPollAt(rules.plan, acceptedAt, served);
  const deadline = (waitedSince(item) ?? now) + rules.deadline;
  return now < deadline ? Math.min(planned, deadline) : planned;
}

/** How many open items are where: `{submit: 3, poll: 97}`. */
export function countByPhase(batch: Batch): Partial<Record<Phase, number>> {
  const counts: Partial<Record<Phase, number>> = {};
  for (const item of batch.items) counts[item.phase] = (counts[item.phase] ?? 0) + 1;
  return counts;
}
