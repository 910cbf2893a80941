/** The wait for slots of calls, which is short: another process may be free. */
import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import type { Slots } from '../../src/runtime/slots.ts';

export type Line = Pick<Slots, 'turn' | 'take' | 'leave' | 'release' | 'isFree'>;

/** The first wait, ms. An attempt after others waits longer, since each costs Temporal something. */
export const WAIT_MS = 1_000;
const MOST_WAITS = 10;
/** Until the tasks are offered to all processes again, ms. */
const OFFERED_MS = 100;

export const waitOf = (attempt: number): number => Math.min(attempt, MOST_WAITS) * WAIT_MS;

/** Takes so many slots, or as many as it gets. None when the time is over, ms, or the signal is aborted before. */
export async function takenInTime(
  line: Line,
  [wanted, turn]: [wanted: number, turn: number],
  ms: number,
  signal: AbortSignal,
): Promise<number> {
  const leave = (): void => line.leave(turn);
  const late = setTimeout(leave, ms);
  signal.addEventListener('abort', leave, { once: true });
  const taken = line.take(wanted, turn);
  if (signal.aborted) leave();
  try {
    return await taken;
  } finally {
    clearTimeout(late);
    signal.removeEventListener('abort', leave);
  }
}

export const noSlot = (): ApplicationFailure =>
  ApplicationFailure.create({
    type: 'NoSlot',
    message: 'All slots of this process are taken',
    category: ApplicationFailureCategory.BENIGN,
    nextRetryDelay: OFFERED_MS,
  });
