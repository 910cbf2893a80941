import type { Rules } from '../domain/registrations/rules.ts';
import type { Latencies } from '../domain/registrations/latency.ts';
import { planFrom } from '../domain/registrations/learned-plan.ts';
import { planPolls, type PollPlan } from '../domain/registrations/poll-plan.ts';
import type { Config } from '../config/schema.ts';

/** The plan where nothing was learned. */
export const fixedPlan = ({ legacy }: Pick<Config, 'legacy'>): PollPlan =>
  planPolls(legacy.expectedLatency, legacy.maxGetsPerRegistration, legacy.maxPollInterval);

/** The plan in force; `known` is null when nothing was seen. */
export function planOf(
  { legacy }: Pick<Config, 'legacy'>,
  known: Latencies | null,
  explore: number | null = null,
): PollPlan {
  if (known === null) return fixedPlan({ legacy });
  const { maxGetsPerRegistration: gets, maxPollInterval: longest } = legacy;
  return planFrom(known, { gets, longest, explore });
}

export function rulesOf(
  { legacy, temporal }: Pick<Config, 'legacy' | 'temporal'>,
  plan: PollPlan = fixedPlan({ legacy }),
): Rules {
  return {
    deadline: legacy.deadline,
    maxOpen: legacy.maxOpen,
    onUnknown: legacy.onUnknown,
    ...(legacy.onUnknown === 'lookup' ? { lookUpAfter: legacy.lookup.after } : {}),
    plan,
    pause: 1_000,
    // A late answer of an attempt that was thought dead is written within its deadline; then only a person knows more.
    rechecks: [15_000, 5 * 60_000, 3_600_000, 24 * 3_600_000],
    localFirst: temporal.localActivities,
    maxHistoryEvents: 2_000,
  };
}
