/** How an item goes on, and how it comes to its end: what every answer, and the want of one, makes use of. */
import { entryNumber } from '../names.ts';
import type { Item } from './batch.ts';
import type { FailureClass } from './outcome.ts';

export const settle = (
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
export const settleOurs = (item: Item, now: number, reason: string): Item => ({
  ...settle(item, 'failed', now),
  outcome: { kind: 'failed', at: now, reason, ours: true },
});

/** Whether an earlier entry may have been filed: the next one was opened because nobody knew. Its redrive has to go on with it. */
export const followsDoubt = ({ requestId, entry }: Item): boolean =>
  requestId === null && entryNumber(entry) > 1;

export const goOn = (item: Item, changes: Partial<Item>): Item => ({
  ...item,
  busy: false,
  sick: false,
  ...changes,
});

export const unreadableForTooLong = (item: Item, now: number): Item =>
  settle(item, 'timed-out', now, 'no readable answer within legacy.maxOpen');
