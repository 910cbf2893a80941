/** The limits that are kept for the legacy system across all workers. */

export const LIMITS = [
  'maxConcurrent',
  'maxSubmitsPerSecond',
  'maxGetsPerSecond',
  'maxInFlight',
] as const;

export type LimitName = (typeof LIMITS)[number];

/** null: no limit. */
export type Limits = Record<Exclude<LimitName, 'maxConcurrent'>, number | null> & {
  maxConcurrent: number;
};

/** @param set while running; wins over the configuration */
export function limitsInForce(
  configured: Limits,
  set: Partial<Record<LimitName, number | null>>,
): Limits {
  const { maxConcurrent, ...others } = { ...configured, ...set };
  return { ...others, maxConcurrent: maxConcurrent ?? configured.maxConcurrent };
}
