/** The plan of polls for each new run, as workers have learned, or by the configuration. Without MongoDB the last one stays. */
import type { Config } from '../config/schema.ts';
import { hastened, priorOf, type Latencies } from '../domain/registrations/latency.ts';
import {
  betterThan,
  byPlan,
  costOf,
  drawFor,
  exploreFor,
  isFarSooner,
  jittered,
} from '../domain/registrations/learned-plan.ts';
import type { PollPlan } from '../domain/registrations/poll-plan.ts';
import { every } from '../runtime/every.ts';
import type { Log } from '../runtime/log.ts';
import type { Metrics } from '../runtime/metrics.ts';
import { planOf } from './rules.ts';

export type Plans = ReturnType<typeof createPlans>;

export function createPlans(
  config: Config,
  metrics: Metrics,
  log: Log,
  { read }: { read: () => Promise<Latencies> },
  eachMs = 5_000,
) {
  let known = priorOf(config.legacy.expectedLatency);
  let usual = planOf(config, known);
  tell();
  const reading = every(eachMs, async () => know(await read()), log, {
    runbook: 'mongodb-away',
    failed: 'Cannot read the latency: new runs get the plan that was made last',
    again: 'The latency can be read again',
  });

  function know(now: Latencies): void {
    known = now;
    usual = planOf(config, known);
    tell();
  }

  function tell(): void {
    const cost = costOf(byPlan(usual), known);
    metrics.planFirstPoll.set((usual.offsets[0] ?? 0) / 1_000);
    metrics.planLag.set(cost.lag / 1_000);
    metrics.planGets.set(cost.gets);
  }

  return {
    /** For a new run, by its id, and of so many registrations; some of them explore. */
    planFor(runId: string, size: number): PollPlan {
      const plan = jittered(usual, drawFor(`${runId} jitter`));
      const explore = exploreFor(known, runId, size);
      if (explore === null) return plan;
      const { offsets } = planOf(config, known, explore);
      return { ...plan, exploring: { count: explore.count, offsets } };
    },
    /**
     * For a run that is under way: the newest plan, where that begins far sooner than its own, or is clearly better when its own
     * is used up; else null. Not before: until then only the quick registrations of its age were seen.
     */
    replan(current: PollPlan, isUsedUp: boolean): PollPlan | null {
      if (isFarSooner(usual, current)) return usual;
      return isUsedUp ? betterThan(current, usual, known) : null;
    },
    /** Plans from now on for half being done by then, ms. Returns whether that is news. */
    hasten(halfDoneBy: number): boolean {
      const faster = hastened(known, halfDoneBy);
      if (faster === known) return false;
      know(faster);
      return true;
    },
    /** Reads again. Never throws. */
    refresh: reading.run,
    close: reading.close,
  };
}
