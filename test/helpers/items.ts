/** Items and rules of the state machine, as a table of cases needs them. */
import { newBatch } from '../../src/domain/registrations/batch.ts';
import type { Batch, Item, NewRegistration, Rules } from '../../src/domain/registrations/batch.ts';

export const T0 = 1_700_000_000_000;
export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;

export const rules: Rules = {
  deadline: HOUR,
  maxOpen: 7 * DAY,
  onUnknown: 'ask',
  plan: { offsets: [11_000, 12_000], tail: 1_000, longest: 60_000 },
  coalesce: 500,
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
  redrive: null,
});

/** A batch of as many registrations `r-0`, `r-1` … received at T0. */
export const batchOf = (count: number): Batch =>
  newBatch(
    Array.from({ length: count }, (_, n) => registrationOf(`r-${n}`)),
    T0,
  );

/** A fresh item of a batch of one, changed. */
export function itemOf(changes: Partial<Item> = {}): Item {
  const [item] = batchOf(1).items;
  if (item === undefined) throw new Error('a batch of one has one item');
  return { ...item, ...changes };
}

/** Claimed, and with an activity. */
export const claimedItem = (changes: Partial<Item> = {}): Item =>
  itemOf({
    phase: 'submit',
    message: null,
    claim: 'r-0~0',
    entry: 'r-0~0#1',
    busy: true,
    ...changes,
  });

/** Accepted at T0, and with an activity. */
export const acceptedItem = (changes: Partial<Item> = {}): Item =>
  claimedItem({ phase: 'poll', requestId: 'AB583C-X', acceptedAt: T0, ...changes });
