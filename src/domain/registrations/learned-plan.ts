/**
 * When to ask, from how long it took. Polls stand where they save the most lag for a GET: as close together as the
 * square root of the chance that a registration which is not done yet gets done now (docs/decisions/0005-poll-plan.md).
 */
import { PRIOR_WEIGHT, binStart, quantileOf, weightOf, type Latencies } from './latency.ts';
import { nextPollAt, type PollPlan } from './poll-plan.ts';

export interface Budget {
  /** Polls in the plan: the most GETs for a registration that takes no longer than nearly all others. */
  gets: number;
  /** The longest pause after the plan, ms. */
  longest: number;
  /** For those that explore. */
  explore: Exploring | null;
}

export interface Exploring {
  /** Of a run's registrations: so many, at most. */
  count: number;
  /** Polls before the earliest time that was seen: half of the planned ones at most. */
  polls: number;
  /** When the last of them is, 0 (at half the earliest time that was seen) to 1 (just before it). */
  share: number;
}

/** What is earlier for all but so many is left to exploring. */
const RARE = 0.005;
/** Where a plan may end; what takes longer is left to the pauses that grow after the plan. */
const ENDS = [1 - RARE, 0.98, 0.95, 0.9, 0.8, 0.7];

/** GETs on average that a plan of so many polls may cost, by what is known: 4.3 for ten. */
export const expectedGets = (polls: number): number => polls / 3 + 1;

/**
 * The plan with the least lag of those within `expectedGets`. Where the slowest take many times as long as the others, a
 * plan that reaches for them has nothing left for the many: it ends sooner.
 * @throws RangeError when gets < 1 or nothing is known
 */
export function planFrom(known: Latencies, { gets, longest, explore }: Budget): PollPlan {
  const total = weightOf(known);
  if (gets < 1 || !(total > 0)) {
    throw new RangeError(`Expected gets >= 1 and some weight, got ${gets} and ${total}`);
  }
  const polls = Math.floor(gets);
  const earliest = quantileOf(known, RARE);
  const early = explore === null ? [] : earlyPolls(explore, earliest, Math.floor(polls / 2));
  const plans = ENDS.map((end): PollPlan => {
    const latest = quantileOf(known, end);
    const placed = place(known, earliest, latest, polls - early.length);
    const offsets = whole(placed);
    // As in the plan for an expected latency: a mean step, at least a second.
    const step = Math.round((latest - earliest) / polls);
    return { offsets, tail: Math.min(Math.max(step, 1_000), longest), longest };
  });
  const priced = plans.map((plan) => ({ plan, ...costOf(byPlan(plan), known) }));
  const [widest, ...others] = priced;
  if (widest === undefined) throw new RangeError('Expected a place to end');
  const affordable = others.filter((each) => each.gets <= expectedGets(polls));
  const { plan } = affordable.reduce((best, each) => (each.lag < best.lag ? each : best), widest);
  const last = early.at(-1) ?? 0;
  return { ...plan, offsets: [...early, ...plan.offsets.filter((offset) => offset > last)] };
}

/** Each the root of two times as late as the one before it. */
const earlyPolls = ({ polls, share }: Exploring, earliest: number, most: number): number[] =>
  whole(
    Array.from(
      { length: Math.min(polls, most) },
      (_, n) => earliest * (0.5 + 0.5 * share) * Math.SQRT1_2 ** n,
    ).reverse(),
  );

/** Ascending times in whole ms, each once. */
const whole = (times: readonly number[]): number[] => [
  ...new Set(times.map((at) => Math.max(1, Math.round(at)))),
];

/** How far polls are moved at most, to either side: a share of the pause there. */
const JITTER = 0.1;

/** The plan with its polls moved by a run's own share, 0 to 1, so that runs of one moment do not ask in step for ever. */
export function jittered(plan: PollPlan, share: number): PollPlan {
  const by = (2 * share - 1) * JITTER;
  const pauses = plan.offsets.slice(1).map((offset, at) => offset - (plan.offsets[at] ?? 0));
  const moved = plan.offsets.map((offset, at) => {
    const [before, after] = [pauses[at - 1] ?? pauses[at] ?? 0, pauses[at] ?? pauses[at - 1] ?? 0];
    return Math.max(1, Math.round(offset + by * (by < 0 ? before : after)));
  });
  return { ...plan, offsets: [...new Set(moved)] };
}

/** The newest plan, where it is clearly better by what is known now than the one that a run has; else null. */
export function betterThan(current: PollPlan, newest: PollPlan, known: Latencies): PollPlan | null {
  const have = costOf(byPlan(current), known);
  const could = costOf(byPlan(newest), known);
  const isBetter = have.lag > could.lag * 1.5 + 100 || have.gets > could.gets * 1.5;
  return isBetter ? newest : null;
}

/** Ascending times at equal steps of the integral of sqrt(hazard); the last is `latest`. */
function place(known: Latencies, earliest: number, latest: number, polls: number): number[] {
  const pieces: { from: number; to: number; effort: number }[] = [];
  let left = weightOf(known);
  let sum = 0;
  for (const [bin, weight] of known.weights.entries()) {
    const [start, end] = [binStart(bin), binStart(bin + 1)];
    const from = Math.max(start, earliest);
    const to = Math.min(end, latest);
    if (weight > 0 && to > from) {
      const inside = (weight * (to - from)) / (end - start);
      // Half of the bin's own weight is still to come in its middle. Width times the root of the hazard there.
      const effort = Math.sqrt((inside * (to - from)) / Math.max(left - weight / 2, weight / 2));
      pieces.push({ from, to, effort });
      sum += effort;
    }
    left -= weight;
  }
  const times: number[] = [];
  let before = 0;
  for (const { from, to, effort } of pieces) {
    while (times.length < polls - 1 && ((times.length + 1) * sum) / polls <= before + effort) {
      const share = (((times.length + 1) * sum) / polls - before) / effort;
      times.push(from + (to - from) * Math.min(1, Math.max(0, share)));
    }
    before += effort;
  }
  while (times.length < polls) times.push(latest);
  return times;
}

/** Of registrations: the share that asks earlier than is known to be of use, in case the legacy system is faster. */
export const EXPLORING = 0.03;
/** Their polls as long as little was seen: the earliest is at a quarter to an eighth of the earliest expected time. */
const EARLY = 5;

/**
 * For `Budget.explore`, by the id of the run and how many registrations it has. As long as little was seen some of each
 * run: they ask for all others. After that all of a few runs, null for the other runs: each time somebody asks costs a run
 * a round, for whomever.
 */
export function exploreFor(known: Latencies, runId: string, size: number): Exploring | null {
  const drawn = drawFor(runId);
  if (known.count < PRIOR_WEIGHT) {
    // Two, since the word of one is not taken for all.
    return { count: Math.max(2, Math.ceil(size * EXPLORING)), polls: EARLY, share: drawn };
  }
  return drawn < EXPLORING ? { count: size, polls: 1, share: drawn / EXPLORING } : null;
}

/**
 * By when half of those that were asked before the plan's own first poll are done, ms after acceptance. Null where fewer are,
 * or not even two: a few may be done early for a reason of their own.
 */
export function halfDoneBy(
  { offsets: [first = 0] }: PollPlan,
  asked: readonly { age: number; isDone: boolean }[],
): number | null {
  const early = asked.filter(({ age }) => age < first);
  const done = early.filter(({ isDone }) => isDone);
  if (done.length < Math.max(2, early.length / 2)) return null;
  return Math.max(...done.map(({ age }) => age));
}

/** Whether a plan begins so much sooner than a run's own that the run is not to wait for its own first poll. */
export const isFarSooner = (newest: PollPlan, current: PollPlan): boolean =>
  (newest.offsets[0] ?? 0) * 1.5 < (current.offsets[0] ?? 0);

/** 0 ≤ x < 1, the same for the same text. */
export function drawFor(runId: string): number {
  let hash = 0x811c9dc5; // FNV-1a
  for (let at = 0; at < runId.length; at++) {
    hash = Math.imul(hash ^ runId.charCodeAt(at), 0x01000193) >>> 0;
  }
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) >>> 0;
  return ((hash ^ (hash >>> 13)) >>> 0) / 2 ** 32;
}

/** What a way of asking costs: GETs for a registration, and ms from done to seen, both on average. */
export interface Cost {
  gets: number;
  lag: number;
}

/** When to ask next, ms after acceptance, after having asked at `elapsed`; ascending. */
export type Asking = (elapsed: number) => number;

export const byPlan =
  (plan: PollPlan): Asking =>
  (elapsed) =>
    nextPollAt(plan, 0, elapsed);
export const everySecond: Asking = (elapsed) => elapsed + 1_000;
/** Pauses of 1, 2, 4, 8 … s. */
export const doubling: Asking = (elapsed) => 2 * elapsed + 1_000;

/** More GETs than anybody makes; a bound for the arithmetic. */
const MOST = 100_000;

/** The expectation over what is known, as if every poll were made at its time. */
export function costOf(asking: Asking, known: Latencies): Cost {
  const total = weightOf(known);
  let at = asking(0);
  let asked = 1;
  let gets = 0;
  let lag = 0;
  for (const [bin, weight] of known.weights.entries()) {
    if (weight <= 0) continue;
    const end = binStart(bin + 1);
    const density = weight / (end - binStart(bin));
    for (let from = binStart(bin); from < end;) {
      while (at <= from && asked < MOST) {
        at = asking(at);
        asked += 1;
      }
      const to = at <= from ? end : Math.min(end, at);
      gets += density * (to - from) * asked;
      lag += density * (to - from) * (at - (from + to) / 2);
      from = to;
    }
  }
  return { gets: gets / total, lag: lag / total };
}
