import type { Rules } from './domain/batch.ts';
import { planPolls } from './domain/poll-plan.ts';
import type { Config } from './config-schema.ts';

/** What a run gets to know of the configuration, as an argument of its start. */
export function rulesOf({ legacy, temporal }: Pick<Config, 'legacy' | 'temporal'>): Rules {
  const plan = planPolls(
    legacy.expectedLatency,
    legacy.maxGetsPerRegistration,
    legacy.maxPollInterval,
  );
  // Half a step of the plan: a batch that was accepted over a second is still polled in one round a step.
  const coalesce = Math.min(plan.tail / 2, 1_000);
  return {
    deadline: legacy.deadline,
    maxOpen: legacy.maxOpen,
    onUnknown: legacy.onUnknown,
    plan,
    coalesce,
    countEarly: true,
    renewLimits: true,
    pause: 1_000,
    // A late answer of an attempt that was thought dead is written within its deadline; then only a person knows more.
    rechecks: [15_000, 5 * 60_000, 3_600_000, 24 * 3_600_000],
    localFirst: temporal.localActivities,
    maxHistoryEvents: 2_000,
  };
}
