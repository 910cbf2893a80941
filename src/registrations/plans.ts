/**
 * The plan of polls for each new run: from what workers have learned, read every few seconds; from the configuration while
 * nothing is known. While MongoDB is away the last plan stays.
 */
import type { Config } from '../config/schema.ts';
import { priorOf, type Latencies } from '../domain/registrations/latency.ts';
import {
  betterThan,
  byPlan,
  costOf,
  drawFor,
  exploreFor,
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
  { read }: { read: () => Promise<Latencies | null> },
  eachMs = 5_000,
) {
  let known: Latencies | null = null;
  let usual = planOf(config, known);
  tell();
  const readAgain = async (): Promise<void> => {
    known = await read();
    usual = planOf(config, known);
    tell();
  };
  const reading = every(eachMs, readAgain, log, {
    failed: 'Cannot read the latency: new runs get the plan that was made last',
    again: 'The latency can be read again',
  });

  function tell(): void {
    const cost = costOf(byPlan(usual), known ?? priorOf(config.legacy.expectedLatency));
    metrics.planFirstPoll.set((usual.offsets[0] ?? 0) / 1_000);
    metrics.planLag.set(cost.lag / 1_000);
    metrics.planGets.set(cost.gets);
  }

  return {
    /** For a new run; a small share of the runs, by their id, asks early. */
    planFor(runId: string): PollPlan {
      const explore = exploreFor(runId);
      const plan = explore === null ? usual : planOf(config, known, explore);
      return known === null ? plan : jittered(plan, drawFor(`${runId} jitter`));
    },
    /** For a run that is under way: the newest plan, where it is clearly better than its own; else null. */
    replan: (current: PollPlan): PollPlan | null =>
      known === null ? null : betterThan(current, usual, known),
    /** Reads again. Never throws. */
    refresh: reading.run,
    close: reading.close,
  };
}
