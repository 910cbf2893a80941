/** The limits that are kept for the legacy system across all workers. */

export const LIMITS = [
  'maxConcurrent',
  'maxSubmitsPerSecond',
  'maxGetsPerSecond',
  'maxInFlight',
] as const;

export type LimitName = (typeof LIMITS)[number];

/** null: no limit. */
export interface Limits {
  maxConcurrent: number;
  maxSubmitsPerSecond: number | null;
  maxGetsPerSecond: number | null;
  maxInFlight: number | null;
}

/** What is in force: what was set while running, else what the configuration says. */
export function limitsInForce(
  configured: Limits,
  set: Partial<Record<LimitName, number | null>>,
): Limits {
  const { maxConcurrent, ...others } = { ...configured, ...set };
  return { ...others, maxConcurrent: maxConcurrent ?? configured.maxConcurrent };
}
