/**
 * A legacy system, its runs and what is learned of it, in a time of its own: registrations come at a steady rate, each is
 * polled by the plan that was in force when it came, and what was seen is learned every few seconds. No server, no clock.
 */
import type { Interval, Latencies } from '../src/domain/registrations/latency.ts';
import { learn } from '../src/domain/registrations/latency.ts';
import {
  byPlan,
  exploreFor,
  planFrom,
  type Asking,
  type Exploring,
} from '../src/domain/registrations/learned-plan.ts';

/** Latency, ms, of the nth registration; `draw` gives numbers from 0 to 1. */
export type Latency = (draw: () => number, n: number) => number;

export const uniform =
  (min: number, max: number): Latency =>
  (draw) =>
    min + (max - min) * draw();

/** One in five is slow. */
export const bimodal: Latency = (draw) =>
  draw() < 0.8 ? 3_000 + 2_000 * draw() : 40_000 + 10_000 * draw();

/** Log-normal: a median of 8 s, one in a hundred over 83 s. */
export const heavyTailed: Latency = (draw) => {
  const normal = Math.sqrt(-2 * Math.log(1 - draw())) * Math.cos(2 * Math.PI * draw());
  return 8_000 * Math.exp(normal);
};

/** Numbers from 0 to 1, always the same for a seed. */
export function draws(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface Polled {
  latency: number;
  gets: number;
  lag: number;
}

/** How one registration fares that is asked for in a certain way. */
export function ask(asking: Asking, latency: number): Polled & { interval: Interval } {
  let after = 0;
  let at = asking(0);
  let gets = 1;
  for (; at < latency; gets++) {
    after = at;
    at = asking(at);
  }
  return { latency, gets, lag: at - latency, interval: { after, upTo: at } };
}

export interface World {
  latency: Latency;
  count: number;
  /** Registrations a second. */
  rate: number;
  /** Polls in a plan, and the longest pause after it, ms. */
  gets: number;
  longest?: number;
  known: Latencies;
  seed?: number;
}

/** ms between two times at which what was seen is learned. */
const LEARNED_EACH = 5_000;

/** What became of each registration, in the order in which they came, and what is known when all are done. */
export function live(world: World): { polled: Polled[]; known: Latencies } {
  const draw = draws(world.seed ?? 1);
  const polled: Polled[] = [];
  let { known } = world;
  let open: { seenAt: number; interval: Interval }[] = [];
  const planned = (explore: Exploring | null) =>
    byPlan(planFrom(known, { gets: world.gets, longest: world.longest ?? 60_000, explore }));
  let usual = planned(null);
  // Time goes on where what is known was learned.
  const start = known.at;
  let learnAt = start + LEARNED_EACH;

  const learnUntil = (now: number): void => {
    for (; learnAt <= now; learnAt += LEARNED_EACH) {
      const due = learnAt;
      const seen = open.filter(({ seenAt }) => seenAt <= due);
      if (seen.length === 0) continue;
      open = open.filter(({ seenAt }) => seenAt > due);
      known = learn(
        known,
        seen.map(({ interval }) => interval),
        due,
      );
      usual = planned(null);
    }
  };

  for (let n = 0; n < world.count; n++) {
    const at = start + Math.round((n * 1_000) / world.rate);
    learnUntil(at);
    const explore = exploreFor(known, `run-${n}`, 1);
    const asking = explore === null ? usual : planned(explore);
    const { interval, ...figures } = ask(asking, world.latency(draw, n));
    open.push({ seenAt: at + interval.upTo, interval });
    polled.push(figures);
  }
  learnUntil(open.reduce((last, { seenAt }) => Math.max(last, seenAt), start) + LEARNED_EACH);
  return { polled, known };
}

export const mean = (list: readonly number[]): number =>
  list.reduce((sum, value) => sum + value, 0) / list.length;

/** GETs, and ms of lag: mean, median and the 99th percentile. */
export function figuresOf(polled: readonly Polled[]) {
  const lags = polled.map(({ lag }) => lag).sort((a, b) => a - b);
  return {
    gets: mean(polled.map(({ gets }) => gets)),
    lag: mean(lags),
    p50: lags[Math.floor(lags.length / 2)] ?? 0,
    p99: lags[Math.floor(lags.length * 0.99)] ?? 0,
  };
}
