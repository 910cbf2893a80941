import type { Rules } from '../domain/registrations/rules.ts';
import { priorOf, type Latencies } from '../domain/registrations/latency.ts';
import { planFrom, type Exploring } from '../domain/registrations/learned-plan.ts';
import type { PollPlan } from '../domain/registrations/poll-plan.ts';
import type { Config } from '../config/schema.ts';

export function planOf(
  { legacy }: Config,
  known: Latencies,
  explore: Exploring | null = null,
): PollPlan {
  const { maxGetsPerRegistration: gets, maxPollInterval: longest } = legacy;
  return planFrom(known, { gets, longest, explore });
}

export function rulesOf(config: Config, plan?: PollPlan): Rules {
  const { legacy, temporal } = config;
  return {
    deadline: legacy.deadline,
    maxOpen: legacy.maxOpen,
    onUnknown: legacy.onUnknown,
    ...(legacy.onUnknown === 'lookup' ? { lookUpAfter: legacy.lookup.after } : {}),
    plan: plan ?? planOf(config, priorOf(legacy.expectedLatency)),
    pause: 1_000,
    // A late answer of an attempt that was thought dead is written within its deadline; then only a person knows more.
    rechecks: [15_000, 5 * 60_000, 3_600_000, 24 * 3_600_000],
    localFirst: temporal.localActivities,
    maxHistoryEvents: 2_000,
  };
}
