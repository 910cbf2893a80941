/**
 * A burst of runs with nothing learned, in a time of its own: what some registrations of a run see early brings the others
 * forward, those of the same run at once, those of other runs when they are next asked for. No server, no clock.
 */
import { hastened, learn, priorOf, type Interval } from '../src/domain/registrations/latency.ts';
import {
  betterThan,
  exploreFor,
  halfDoneBy,
  isFarSooner,
  planFrom,
} from '../src/domain/registrations/learned-plan.ts';
import {
  coalesceOf,
  nextPollAt,
  planAt,
  type PollPlan,
} from '../src/domain/registrations/poll-plan.ts';
import { draws, type Latency, type Polled } from './latency-world.ts';

export interface Burst {
  latency: Latency;
  count: number;
  /** Registrations of a run. */
  size: number;
  /** How many are accepted a second. */
  rate: number;
  expected: { min: number; max: number };
  gets: number;
  longest?: number;
  seed?: number;
}

interface Open {
  index: number;
  acceptedAt: number;
  latency: number;
  dueAt: number;
  polledAt: number | null;
  gets: number;
}

/** ms between two times at which what was seen is learned. */
const LEARNED_EACH = 5_000;

/** What became of each registration, in no order. */
export function burst(world: Burst): Polled[] {
  const { count, size, rate, gets, longest = 60_000 } = world;
  const draw = draws(world.seed ?? 1);
  const polled: Polled[] = [];
  let known = priorOf(world.expected);
  let usual = planFrom(known, { gets, longest, explore: null });
  let seen: Interval[] = [];
  let learnAt = LEARNED_EACH;
  const know = (next: typeof known): void => {
    known = next;
    usual = planFrom(known, { gets, longest, explore: null });
  };

  const runs = Array.from({ length: Math.ceil(count / size) }, (_, run) => {
    const explore = exploreFor(known, `run-${run}`, size);
    const plan: PollPlan =
      explore === null
        ? usual
        : {
            ...usual,
            exploring: {
              count: explore.count,
              offsets: planFrom(known, { gets, longest, explore }).offsets,
            },
          };
    const items = Array.from({ length: Math.min(size, count - run * size) }, (_, index): Open => {
      const n = run * size + index;
      const acceptedAt = Math.round((n * 1_000) / rate);
      const dueAt = nextPollAt(planAt(plan, index), acceptedAt, acceptedAt);
      return { index, acceptedAt, latency: world.latency(draw, n), dueAt, polledAt: null, gets: 0 };
    });
    return { plan, items, dueAt: Math.min(...items.map(({ dueAt }) => dueAt)) };
  });

  for (;;) {
    const run = runs.reduce((first, each) => (each.dueAt < first.dueAt ? each : first));
    if (run.dueAt === Infinity) return polled;
    const now = run.dueAt;
    for (; learnAt <= now; learnAt += LEARNED_EACH) {
      know(learn(known, seen, learnAt));
      seen = [];
    }
    const asked = run.items
      .filter(({ dueAt }) => dueAt <= now + coalesceOf(run.plan))
      .map((item) => {
        const age = now - item.acceptedAt;
        return { item, age, isDone: item.latency <= age };
      });
    const by = halfDoneBy(run.plan, asked);
    if (by !== null) know(hastened(known, by));
    const isUsedUp = asked.some(({ age }) => age > (run.plan.offsets.at(-1) ?? 0));
    const newest = isFarSooner(usual, run.plan)
      ? usual
      : isUsedUp
        ? betterThan(run.plan, usual, known)
        : null;
    run.plan = newest ?? run.plan;
    for (const { item, age, isDone } of asked) {
      item.gets += 1;
      if (isDone) {
        seen.push({ after: item.polledAt ?? 0, upTo: age });
        polled.push({ latency: item.latency, gets: item.gets, lag: age - item.latency });
      }
      item.polledAt = age;
      const served = Math.max(now, item.dueAt);
      item.dueAt = isDone
        ? Infinity
        : nextPollAt(planAt(run.plan, item.index), item.acceptedAt, served);
    }
    run.items = run.items.filter(({ dueAt }) => dueAt < Infinity);
    if (newest !== null) {
      for (const item of run.items) {
        const due = nextPollAt(planAt(newest, item.index), item.acceptedAt, now);
        item.dueAt = Math.min(item.dueAt, due);
      }
    }
    run.dueAt = Math.min(...run.items.map(({ dueAt }) => dueAt));
  }
}
