/** The rest before the next attempt. Pure: the caller draws the jitter. */
export interface Backoff {
  kind: 'fixed' | 'linear' | 'exponential';
  /** After the first attempt, ms. */
  initial: number;
  /** At most, ms. */
  longest?: number;
  /** The share of the rest that is drawn, 0 to 1: with 1 it is anything up to the whole. */
  jitter?: number;
}

const TIMES: Readonly<Record<Backoff['kind'], (attempt: number) => number>> = {
  fixed: () => 1,
  linear: (attempt) => attempt,
  exponential: (attempt) => 2 ** (attempt - 1),
};

/**
 * The rest after the attempt of this number, in whole ms: 1, 2, 4 s … where it is exponential from 1 s.
 * @param attempt 1 for the first
 * @param draw 0 to 1; the whole rest where nobody draws
 */
export function restBefore(backoff: Backoff, attempt: number, draw = 1): number {
  const { kind, initial, longest = Infinity, jitter = 0 } = backoff;
  // Infinity times 0 would be NaN.
  const whole = Math.min(
    initial * Math.min(TIMES[kind](attempt), Number.MAX_SAFE_INTEGER),
    longest,
  );
  return Math.round(whole * (1 - jitter * (1 - draw)));
}
