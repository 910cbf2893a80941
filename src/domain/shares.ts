/** How `legacy.maxConcurrent` is divided among the workers that are alive. Pure. */

/**
 * The share of one worker: an equal part, but never more than the others have left, so that together they stay within the
 * limit while some have not yet given up what is too much. At least 1: a worker that may send nothing would keep what it
 * was given for ever.
 * @param others their shares, by who they are
 */
export function shareOf(me: string, others: ReadonlyMap<string, number>, total: number): number {
  const ids = [me, ...others.keys()].sort();
  const equal = Math.floor(total / ids.length) + (ids.indexOf(me) < total % ids.length ? 1 : 0);
  const taken = [...others.values()].reduce((sum, share) => sum + share, 0);
  return Math.max(1, Math.min(equal, total - taken));
}
