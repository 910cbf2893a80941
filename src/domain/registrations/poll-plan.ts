/**
 * When to ask. A plan is a list of offsets after acceptance, in ms, placed at the quantiles of the expected latency,
 * and what to do when all of them have passed. A pure function of its inputs; the workflow gets it as an argument.
 *
 * Why quantiles: for latencies uniform in 10–20 s, asking each second costs 15.5 GETs at 0.5 s of lag, exponential
 * backoff 4.5 GETs at 8 s, eight quantiles 4.5 GETs at 0.6 s (docs/decisions/0005-poll-plan.md).
 */
export interface PollPlan {
  /** Ascending offsets after acceptance, ms. */
  offsets: number[];
  /** First interval after the last offset, ms; each one after is half as long again. */
  tail: number;
  /** Longest interval, ms. */
  longest: number;
}

/**
 * The plan for a latency believed uniform between `min` and `max` (ms), with at most `gets` polls inside it.
 * @throws RangeError when gets < 1 or max <= min
 */
export function planPolls(
  expected: { min: number; max: number },
  gets: number,
  longest: number,
): PollPlan {
  if (gets < 1 || expected.max <= expected.min) {
    throw new RangeError(
      `Expected gets >= 1 and max > min, got ${gets}, ${JSON.stringify(expected)}`,
    );
  }
  const step = (expected.max - expected.min) / gets;
  const offsets = Array.from({ length: Math.floor(gets) }, (_, k) =>
    Math.round(expected.min + step * (k + 1)),
  );
  return { offsets, tail: Math.min(Math.max(step, 1_000), longest), longest };
}

/** Polls due within this time, ms, go together: half a step of the plan, so that a batch accepted over a second is one round. */
export const coalesceOf = (plan: PollPlan): number => Math.min(plan.tail / 2, 1_000);

/**
 * When to poll next, epoch ms: the first planned time after `now`; past the plan, `tail` growing by half to `longest`.
 * Polls that a slow moment has skipped are not made up for.
 */
export function nextPollAt(plan: PollPlan, acceptedAt: number, now: number): number {
  const elapsed = now - acceptedAt;
  const planned = plan.offsets.find((offset) => offset > elapsed);
  if (planned !== undefined) return acceptedAt + planned;
  const last = plan.offsets.at(-1) ?? 0;
  // The tail is a geometric series, so its next point is found from the time alone: no counter to carry.
  let at = last;
  for (let wait = plan.tail; at <= elapsed; wait = Math.min(wait * 1.5, plan.longest)) {
    if (wait >= plan.longest) return now + plan.longest;
    at += wait;
  }
  // Up, not to the nearest: a point that is later by a fraction of a millisecond would be now, and polled again at once.
  return acceptedAt + Math.ceil(at);
}
