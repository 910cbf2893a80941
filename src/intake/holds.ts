/** The reasons, known to all processes, why a source is not taken from; and intake's valve, which follows them. */
import type { Endpoint } from '../config/endpoint.ts';
import type { ControlWatch } from '../coordination/control-watch.ts';
import { pauseOf, type Control } from '../coordination/control.ts';
import type { Agreement } from '../coordination/encryption-agreement.ts';
import { workersOf } from '../coordination/processes.ts';
import type { Guard } from '../runtime/guard.ts';
import { SHARED_HOLDS, type Valve } from './valve.ts';

/** Requests waited for a limit within this time: Temporal has enough to go on with. */
const LIMITED_MS = 3_000;

/** @param endpoint whom what is taken is sent to; null where that is nobody */
export function holdsOf(
  control: Control,
  source: string,
  endpoint: Pick<Endpoint, 'name' | 'address' | 'breaker'> | null,
): Partial<Record<(typeof SHARED_HOLDS)[number], string>> {
  const { now } = control;
  const pause = pauseOf(control, source);
  const holds: ReturnType<typeof holdsOf> = {};
  if (pause !== null) holds.paused = `${pause.reason} (${pause.by})`;
  if (endpoint === null) return holds;
  const {
    name,
    address,
    breaker: { enabled },
  } = endpoint;
  const breaker = control.breakers[name];
  const suffering = workersOf(control.processes, name).find(({ suffers }) => suffers !== null);
  if (enabled && breaker?.address === address && breaker.state !== 'closed')
    holds.breaker = `the circuit breaker is ${breaker.state}: ${breaker.reason}`;
  if (now - (control.limitedAt[name] ?? 0) < LIMITED_MS)
    holds.limits = 'a limit holds requests back';
  if (suffering !== undefined)
    holds.guard = `a worker suffers: ${suffering.suffers ?? 'it has not said from what'}`;
  return holds;
}

/** Closes and opens the valve as control, and the guard of this process, say. */
export function followControl(
  valve: Pick<Valve, 'hold' | 'letGo'>,
  watch: Pick<ControlWatch, 'onRead' | 'current'>,
  guard: Guard,
  agreement: Pick<Agreement, 'follow'>,
  source: string,
  endpoint: Endpoint | null,
): void {
  const follow = (): void => {
    const control = watch.current();
    const holds = control === null ? {} : holdsOf(control, source, endpoint);
    const suffers = guard.suffers();
    if (suffers !== null) holds.guard = suffers;
    for (const by of SHARED_HOLDS) {
      const why = holds[by];
      if (why === undefined) valve.letGo(by);
      else valve.hold(by, why);
    }
    const disagreement = control === null ? null : agreement.follow(control);
    if (disagreement === null) valve.letGo('encryption');
    else valve.hold('encryption', disagreement);
    // Last, so that nothing is taken in between.
    if (control !== null) valve.letGo('unknown');
  };
  watch.onRead(follow);
  guard.onChange(follow);
}
