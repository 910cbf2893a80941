/** How long attempts took, as counts of steps that grow by an eighth: few numbers, which add up over processes. Pure. */

const GROWTH = Math.log(1.125);
/** A week. */
const MOST_STEP = 172;

/** @param times counts by step; grows */
export function tookSoLong(times: number[], ms: number): void {
  const step = Math.min(MOST_STEP, Math.max(0, Math.ceil(Math.log(Math.max(ms, 1)) / GROWTH)));
  while (times.length <= step) times.push(0);
  times[step] = (times[step] ?? 0) + 1;
}

/** In ms, at most an eighth too much; null of none. */
export function percentile(times: readonly number[], share: number): number | null {
  let left = share * times.reduce((sum, count) => sum + count, 0);
  if (left === 0) return null;
  const step = times.findIndex((count) => (left -= count) <= 0);
  return Math.round(Math.exp(step * GROWTH));
}
