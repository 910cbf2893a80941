/** What keeps registrations from the legacy system although every neighbour is well. */
import { legacyEndpoint } from '../config/endpoint.ts';
import type { Config } from '../config/schema.ts';
import { LEGACY, REGISTRATIONS } from '../domain/names.ts';
import { LIMITS, limitsInForce } from '../domain/limits.ts';
import { warning, well, type Diagnosis } from './diagnosis.ts';
import { holdsOf } from '../intake/holds.ts';
import { SHARED_HOLDS } from '../intake/valve.ts';
import { openStore } from '../registrations/store.ts';

const REMEDIES = {
  paused: '"despachante resume" ends it',
  breaker: 'It closes by itself when the legacy system answers again; its log tells what is wrong',
  limits: '"despachante limits" shows them; "limits set" changes them',
  guard: 'Give the process more memory or a core more, or see guard.* in the configuration',
} as const;

/** Empty where MongoDB cannot be asked: that is told elsewhere. Never throws. */
export async function diagnoseControl(config: Config): Promise<Diagnosis[]> {
  try {
    const store = await openStore(config, 'reader');
    const control = await store.control.read().finally(() => store.close());
    const set = control.limits[LEGACY] ?? {};
    const inForce = limitsInForce(config.legacy, set);
    const limits = LIMITS.filter((limit) => inForce[limit] !== null).map(
      (limit) =>
        `${limit} ${inForce[limit]}${set[limit] === undefined ? '' : ' (set while running)'}`,
    );
    const holds = holdsOf(control, REGISTRATIONS, legacyEndpoint(config));
    const held = SHARED_HOLDS.flatMap((by) =>
      holds[by] === undefined ? [] : [warning('intake', `${by}: ${holds[by]}`, REMEDIES[by])],
    );
    return [well('limits', limits.join(', ')), ...held];
  } catch {
    return [];
  }
}
