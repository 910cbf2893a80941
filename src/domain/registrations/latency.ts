/**
 * How long the legacy system takes, from accepted to done, as far as it was seen: a histogram that forgets. Pure.
 *
 * "Done" is only seen at a poll, so an observation is an interval: after the last poll that said "processing", up to the
 * first that said "done". Its weight is spread over the interval as what is known already suggests (one step of
 * expectation-maximization), a tenth of it evenly, or else nothing new would ever be found inside an interval.
 */
export interface Latencies {
  /** Observations since the beginning, what is forgotten included. */
  count: number;
  /** When the last of them came in, epoch ms; 0 for never. */
  at: number;
  /** By bin: 32 to each doubling, from 1 ms to 12 days. */
  weights: readonly number[];
}

/** ms after acceptance. `after` is 0 when the first poll already saw the end. */
export interface Interval {
  after: number;
  upTo: number;
}

const PER_DOUBLING = 32;
export const BINS = 30 * PER_DOUBLING;
/** Observations after which what was known weighs half. */
export const HALF_LIFE = 100;
/** What the expected latency of the configuration weighs, in observations. */
export const PRIOR_WEIGHT = 32;
/** Of an observation: spread evenly over its interval, whatever was known. */
const EVEN_SHARE = 0.1;

/** By bin, and where the last one ends: powers are dear, and ten thousand observations ask for a hundred thousand of them. */
const STARTS = Array.from({ length: BINS + 1 }, (_, bin) =>
  bin === 0 ? 0 : 2 ** (bin / PER_DOUBLING),
);

/** Where a bin begins, ms. The first begins at 0, so that nothing is too short for it. */
export const binStart = (bin: number): number => STARTS[bin] ?? 0;

const binOf = (ms: number): number =>
  ms <= 1 ? 0 : Math.min(BINS - 1, Math.floor(Math.log2(ms) * PER_DOUBLING));

const NOTHING: readonly number[] = Array.from({ length: BINS }, () => 0);

/** What is believed before anything was seen: uniform between `min` and `max`, ms. */
export function priorOf({ min, max }: { min: number; max: number }): Latencies {
  const weights = [...NOTHING];
  spreadEvenly(weights, min, max, PRIOR_WEIGHT);
  return { count: 0, at: 0, weights };
}

/**
 * What is known after some more observations, in whatever order. Older ones lose half of their weight with each
 * HALF_LIFE observations, but no faster than once in half the time that nearly all registrations need: the last ones of a
 * burst are its slow ones, and must not make the others forgotten.
 */
export function learn(known: Latencies, seen: readonly Interval[], now: number): Latencies {
  if (seen.length === 0) return known;
  const shortest = quantileOf(known, 0.95) / 2;
  const turns = known.at === 0 ? Infinity : Math.max(0, now - known.at) / shortest;
  const kept = 2 ** -Math.min(seen.length / HALF_LIFE, turns);
  const weights = known.weights.map((weight) => weight * kept);
  const latest = quantileOf(known, 1);
  for (const interval of seen) spread(weights, known, interval, latest);
  return { count: known.count + seen.length, at: Math.max(now, known.at), weights };
}

/**
 * What is known, on a scale on which half of the registrations are done by `by` (ms), as was seen. Unchanged where that
 * many are known to be: a latency is heard of early only when it has become shorter.
 */
export function hastened(known: Latencies, by: number): Latencies {
  const bins = Math.ceil(Math.log2(quantileOf(known, 0.5) / by) * PER_DOUBLING);
  if (!(bins > 0)) return known;
  const weights = [...NOTHING];
  for (const [bin, weight] of known.weights.entries()) {
    const to = Math.max(0, bin - bins);
    weights[to] = (weights[to] ?? 0) + weight;
  }
  return { ...known, weights };
}

function spread(
  weights: number[],
  known: Latencies,
  { after, upTo }: Interval,
  latest: number,
): void {
  if (!(upTo > after)) return;
  const from = Math.max(after, upTo / 2);
  const suggested = weightIn(known, after, upTo);
  const isWide = after > 0 ? upTo > 2 * after : upTo > latest;
  // Nobody asked for long (an outage, a redrive): when it was done within that time is not for this to say.
  if (isWide && suggested === 0) return;
  const evenly = isWide ? 0 : suggested === 0 ? 1 : EVEN_SHARE;
  if (evenly > 0) spreadEvenly(weights, from, upTo, evenly);
  if (suggested === 0) return;
  for (let bin = binOf(after); bin <= binOf(upTo); bin++) {
    const share = (known.weights[bin] ?? 0) * overlap(bin, after, upTo);
    weights[bin] = (weights[bin] ?? 0) + ((1 - evenly) * share) / suggested;
  }
}

function spreadEvenly(weights: number[], from: number, to: number, weight: number): void {
  for (let bin = binOf(from); bin <= binOf(to); bin++) {
    const part = (overlap(bin, from, to) * widthOf(bin)) / (to - from);
    weights[bin] = (weights[bin] ?? 0) + weight * part;
  }
}

const widthOf = (bin: number): number => binStart(bin + 1) - binStart(bin);

/** The part of a bin, 0 to 1, that lies between two times. */
function overlap(bin: number, from: number, to: number): number {
  const inside = Math.min(to, binStart(bin + 1)) - Math.max(from, binStart(bin));
  return Math.max(0, inside) / widthOf(bin);
}

/** The weight between two times, in observations. */
export function weightIn({ weights }: Latencies, from: number, to: number): number {
  let sum = 0;
  for (let bin = binOf(from); bin <= binOf(to); bin++) {
    sum += (weights[bin] ?? 0) * overlap(bin, from, to);
  }
  return sum;
}

export const weightOf = ({ weights }: Latencies): number =>
  weights.reduce((sum, weight) => sum + weight, 0);

/** The time, ms, by which a share (0 to 1) of the registrations is done. */
export function quantileOf(known: Latencies, share: number): number {
  const wanted = weightOf(known) * share;
  let before = 0;
  let end = 0;
  for (const [bin, weight] of known.weights.entries()) {
    if (weight <= 0) continue;
    if (before + weight >= wanted) {
      return binStart(bin) + (widthOf(bin) * (wanted - before)) / weight;
    }
    before += weight;
    end = binStart(bin + 1);
  }
  return end;
}
