/**
 * The share of one worker of `legacy.maxConcurrent`: an equal part, but no more than the others have left, so that together
 * they stay within the limit while some still have too much. At least 1: a worker that may send nothing would keep its
 * registrations for ever.
 * @param others their shares, by worker
 */
export function shareOf(me: string, others: ReadonlyMap<string, number>, total: number): number {
  const ids = [me, ...others.keys()].sort();
  const equal = Math.floor(total / ids.length) + (ids.indexOf(me) < total % ids.length ? 1 : 0);
  const taken = [...others.values()].reduce((sum, share) => sum + share, 0);
  return Math.max(1, Math.min(equal, total - taken));
}
