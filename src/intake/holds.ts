/** What all processes know that keeps intake from taking anything, in words; pure. */
import type { Config } from '../config/schema.ts';
import type { Control } from '../coordination/control.ts';
import { isAlive } from '../domain/shares.ts';
import type { Hold } from './valve.ts';
import { endpointOf } from '../config/endpoint.ts';

/** Requests were held back within this time: there is enough in Temporal to go on with. */
const HELD_BACK_MS = 3_000;

/** The reasons that all processes know of. */
export const SHARED_HOLDS = ['paused', 'breaker', 'limits', 'guard'] as const satisfies Hold[];

export function holdsOf(
  { now, pause, breaker, heldBackAt, workers }: Control,
  config: Pick<Config, 'legacyUrl' | 'legacy'>,
): Partial<Record<(typeof SHARED_HOLDS)[number], string>> {
  const suffering = Object.values(workers).find(
    (worker) => worker.suffers !== null && isAlive(worker, now),
  );
  const isOurs = config.legacy.breaker.enabled && breaker?.endpoint === endpointOf(config);
  const isOpen = isOurs && breaker.state !== 'closed';
  return {
    ...(pause === null ? {} : { paused: `${pause.reason} (${pause.by})` }),
    ...(isOpen ? { breaker: `the circuit breaker is ${breaker.state}: ${breaker.reason}` } : {}),
    ...(now - heldBackAt < HELD_BACK_MS ? { limits: 'a limit holds requests back' } : {}),
    ...(suffering === undefined
      ? {}
      : { guard: `a worker suffers: ${suffering.suffers ?? 'it has not said from what'}` }),
  };
}
