/** What is kept for the legacy system across all workers, and who uses it. */
import type { Config } from '../config/schema.ts';
import type { Control } from '../coordination/control.ts';
import { LIMITS, limitsInForce } from '../domain/limits.ts';
import { isAlive } from '../domain/shares.ts';
import { countInFlight } from '../registrations/in-flight.ts';
import type { Store } from '../registrations/store.ts';

export type LimitFacts = ReturnType<typeof limitFacts>;

export async function readLimits(config: Config, store: Store): Promise<LimitFacts> {
  const [control, inFlight] = await Promise.all([store.control.read(), countInFlight(store)]);
  return limitFacts(config, control, inFlight);
}

/** @param inFlight registrations the legacy system has and that are not settled; null when they were not counted */
export function limitFacts(
  config: Config,
  { limits, workers, now }: Control,
  inFlight: number | null,
) {
  const inForce = limitsInForce(config.legacy, limits);
  const alive = Object.values(workers).filter((worker) => isAlive(worker, now));
  return {
    limits: LIMITS.map((limit) => ({
      limit,
      inForce: inForce[limit],
      configured: config.legacy[limit],
      set: limits[limit] !== undefined,
    })),
    workers: alive.map(({ host, pid, share }) => ({ host, pid, share })),
    inFlight,
  };
}
