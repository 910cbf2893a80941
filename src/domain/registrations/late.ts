/** When a registration that has timed out is asked for again: rarely, and ever more rarely. Pure; ms and epoch ms. */

const SOONEST = 60_000;
const LONGEST = 24 * 3_600_000;

/** When next, or null when it was watched for as long as it is to be. `lateFor`: since it timed out. */
export function nextLateCheck(timedOutAt: number, now: number, lateFor: number): number | null {
  const end = timedOutAt + lateFor;
  if (now >= end) return null;
  // Half of its age: 25 times in a week, and what took an hour too long is known half an hour later.
  const rest = Math.min(Math.max(Math.ceil((now - timedOutAt) / 2), SOONEST), LONGEST);
  return Math.min(now + rest, end);
}
