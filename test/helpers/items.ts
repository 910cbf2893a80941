/** Items and rules of the state machine, as a table of cases needs them. */
import { newItems } from '../../src/domain/registrations/item.ts';
import type {
  Claiming,
  Doubtful,
  Item,
  NewRegistration,
  Polling,
  Settling,
  Submitting,
} from '../../src/domain/registrations/item.ts';
import type { Outcome } from '../../src/domain/registrations/outcome.ts';
import type { Rules } from '../../src/domain/registrations/rules.ts';
import { newRun } from '../../src/domain/run.ts';
import type { Run, RunItem } from '../../src/domain/run.ts';

export const T0 = 1_700_000_000_000;
export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;

export const rules: Rules = {
  deadline: HOUR,
  maxOpen: 7 * DAY,
  onUnknown: 'ask',
  plan: { offsets: [11_000, 12_000], tail: 1_000, longest: 60_000 },
  pause: 1_000,
  rechecks: [15_000, 300_000],
  localFirst: false,
  maxHistoryEvents: 2_000,
};

export const registrationOf = (id: string): NewRegistration => ({
  id,
  label: id,
  bodyHash: `hash of ${id}`,
  message: { body: '', properties: '' },
  receivedAt: T0,
  failedGeneration: null,
});

/** A run of as many registrations `r-0`, `r-1` … received at T0. */
export const runOf = (count: number): Run<Item> =>
  newRun<Item>(
    newItems(
      Array.from({ length: count }, (_, n) => registrationOf(`r-${n}`)),
      T0,
    ),
  );

/** Just received. */
export function itemOf(changes: Partial<Claiming> = {}): Claiming {
  const [item] = newItems([registrationOf('r-0')], T0);
  if (item === undefined) throw new Error('a run of one has one item');
  return { ...item, ...changes };
}

const claimed = {
  ...{ index: 0, id: 'r-0', label: 'r-0', claim: 'r-0~0', entry: 'r-0~0#1' },
  ...{ receivedAt: T0, busy: true, sick: false, dueAt: T0 },
};

/** Claimed, and with an activity. */
export const claimedItem = (changes: Partial<Submitting> = {}): Submitting => ({
  ...claimed,
  ...{ phase: 'submit', doubt: false, rechecks: 0 },
  ...changes,
});

/** In doubt, and with an activity. */
export const doubtfulItem = (changes: Partial<Doubtful> = {}): Doubtful => ({
  ...claimed,
  ...{ phase: 'doubt', doubt: true, rechecks: 0, lookUp: false },
  ...changes,
});

const accepted = { requestId: 'AB583C-X', acceptedAt: T0, polls: 0 };

/** Accepted at T0, and with an activity. */
export const acceptedItem = (changes: Partial<Polling> = {}): Polling => ({
  ...claimed,
  ...accepted,
  ...{ phase: 'poll', openSince: changes.acceptedAt ?? T0, polledAt: null },
  ...changes,
});

/** Registered at T0, and with an activity. */
export const settlingItem = (changes: Partial<Settling> = {}): Settling => ({
  ...claimed,
  ...accepted,
  ...{ phase: 'settle', doubt: false, outcome: { kind: 'registered', at: T0 } },
  ...changes,
});

/** With an activity, in each of the phases. */
export const inEachPhase = {
  claim: () => itemOf({ busy: true }),
  submit: claimedItem,
  doubt: doubtfulItem,
  poll: acceptedItem,
  settle: settlingItem,
} satisfies Record<Item['phase'], () => Item>;

/** An item of whatever phase, as properties of whole runs look at it: null is what its phase does not know. */
export interface Seen extends RunItem {
  phase: Item['phase'];
  receivedAt: number;
  entry: string | null;
  requestId: string | null;
  acceptedAt: number | null;
  doubt: boolean;
  outcome: Outcome | null;
}

export const seen = (item: Item): Seen => ({
  entry: null,
  requestId: null,
  acceptedAt: null,
  doubt: false,
  outcome: null,
  ...item,
});
