/** How `legacy.maxConcurrent` is divided among the workers that are alive. Pure. */

/** What a worker has told of itself; times are epoch ms. */
export interface WorkerShare {
  /** Requests it may have on the wire at once. */
  share: number;
  beatAt: number;
}

/** A worker that was silent for so long counts as dead, and its share as free. */
export const SILENT_MS = 8_000;

export const isAlive = ({ beatAt }: WorkerShare, now: number): boolean => now - beatAt <= SILENT_MS;

/**
 * The share of one worker: an equal part, but never more than the others have left, so that together they stay within the
 * limit while some have not yet given up what is too much. At least 1: a worker that may send nothing would keep what it
 * was given for ever.
 */
export function shareOf(
  me: string,
  others: ReadonlyMap<string, WorkerShare>,
  total: number,
): number {
  const ids = [me, ...others.keys()].sort();
  const equal = Math.floor(total / ids.length) + (ids.indexOf(me) < total % ids.length ? 1 : 0);
  const taken = [...others.values()].reduce((sum, { share }) => sum + share, 0);
  return Math.max(1, Math.min(equal, total - taken));
}
