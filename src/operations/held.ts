/**
 * Somebody who reads the failure queue holds its records, and gives them back: an audit, a redrive, another command, or a connection
 * that has died and counts as alive yet. Nobody can tell them from records that were taken for good but by their coming back.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { FailureQueue } from '../broker/rabbitmq/dead-letter-queue.ts';

/** How many that should be in the queue are not, and how many there were. */
interface Look {
  held: number;
  left: number;
}

export type WithQueue = <T>(work: (queue: FailureQueue) => Promise<T>) => Promise<T>;

const EACH_MS = 1_000;

/** Looks again whenever there are more, for so long, ms: each look counts in the queue as a delivery. Returns what was seen last. */
export async function unlessHeld<L extends Look>(
  first: L,
  look: () => Promise<L>,
  withQueue: WithQueue,
  forMs: number,
  stop?: AbortSignal,
): Promise<L> {
  let found = first;
  const until = performance.now() + forMs;
  while (found.held > 0 && performance.now() < until && stop?.aborted !== true) {
    await delay(EACH_MS, undefined, stop === undefined ? {} : { signal: stop }).catch(() => {});
    const depth = await withQueue(async (queue) => Promise.resolve(queue.depth));
    if (depth > found.left) found = await look();
  }
  return found;
}
