/** The reasons, known to all processes, why a source is not taken from; pure. */
import type { Endpoint } from '../config/endpoint.ts';
import { pauseOf, type Control } from '../coordination/control.ts';
import { workersOf } from '../coordination/processes.ts';
import type { Hold } from './valve.ts';

/** Requests waited for a limit within this time: Temporal has enough to go on with. */
const LIMITED_MS = 3_000;

export const SHARED_HOLDS = ['paused', 'breaker', 'limits', 'guard'] as const satisfies Hold[];

export function holdsOf(
  control: Control,
  source: string,
  { name, address, breaker: { enabled } }: Pick<Endpoint, 'name' | 'address' | 'breaker'>,
): Partial<Record<(typeof SHARED_HOLDS)[number], string>> {
  const { now } = control;
  const pause = pauseOf(control, source);
  const breaker = control.breakers[name];
  const suffering = workersOf(control.processes, name).find(({ suffers }) => suffers !== null);
  const isOurs = enabled && breaker?.address === address;
  const isOpen = isOurs && breaker.state !== 'closed';
  return {
    ...(pause === null ? {} : { paused: `${pause.reason} (${pause.by})` }),
    ...(isOpen ? { breaker: `the circuit breaker is ${breaker.state}: ${breaker.reason}` } : {}),
    ...(now - (control.limitedAt[name] ?? 0) < LIMITED_MS
      ? { limits: 'a limit holds requests back' }
      : {}),
    ...(suffering === undefined
      ? {}
      : { guard: `a worker suffers: ${suffering.suffers ?? 'it has not said from what'}` }),
  };
}
