/** Closes and opens intake's valve as control, and the guard of this process, say. */
import type { Endpoint } from '../config/endpoint.ts';
import type { ControlWatch } from '../coordination/control-watch.ts';
import type { Agreement } from '../coordination/encryption-agreement.ts';
import type { Guard } from '../runtime/guard.ts';
import { SHARED_HOLDS, holdsOf } from './holds.ts';
import type { Valve } from './valve.ts';

export function followControl(
  valve: Pick<Valve, 'hold' | 'letGo'>,
  watch: Pick<ControlWatch, 'onRead' | 'current'>,
  guard: Guard,
  agreement: Pick<Agreement, 'follow'>,
  source: string,
  endpoint: Endpoint,
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
