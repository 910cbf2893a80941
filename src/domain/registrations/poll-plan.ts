/**
 * When to ask. A plan is a list of offsets after acceptance, in ms, and what to do when all of them have passed. The
 * workflow gets it as an argument; how it is made is in learned-plan.ts.
 */
export interface PollPlan {
  /** Ascending offsets after acceptance, ms. */
  offsets: number[];
  /** First interval after the last offset, ms; each one after is half as long again. */
  tail: number;
  /** Longest interval, ms. */
  longest: number;
  /** The first `count` registrations of the run ask at these offsets instead: earlier than is known to be of use. */
  exploring?: { count: number; offsets: number[] };
}

/** The plan of one registration, by its index in the run. */
export const planAt = ({ exploring, ...plan }: PollPlan, index: number): PollPlan =>
  exploring !== undefined && index < exploring.count
    ? { ...plan, offsets: exploring.offsets }
    : plan;

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
