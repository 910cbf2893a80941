/** One look for late results by a process that is no worker: through the gate, as if it were one. */
import type { Config } from '../config/schema.ts';
import { watchControl } from '../coordination/control-watch.ts';
import { lookForLate, statusThrough } from '../registrations/late.ts';
import type { Late } from '../registrations/late.ts';
import { openLegacyGate } from '../registrations/legacy-gate.ts';
import { createLegacy } from '../registrations/legacy.ts';
import type { Store } from '../registrations/store.ts';
import { createGuard } from '../runtime/guard.ts';
import { silent } from '../runtime/log.ts';
import { createMetrics } from '../runtime/metrics.ts';

/** @throws what MongoDB throws */
export async function lookForLateOnce(config: Config, store: Store): Promise<Late[]> {
  const metrics = createMetrics();
  const watch = watchControl(() => store.control.read(), silent);
  const guard = createGuard(config.guard, metrics, silent);
  const legacyGate = await openLegacyGate(config, store, watch, guard, metrics, silent);
  const legacy = createLegacy(config, (heard, reason) => legacyGate.observe(heard, reason));
  const status = statusThrough(legacyGate.gate, legacy);
  return lookForLate({ config, store, status, log: silent }).finally(async () => {
    await legacy.close();
    await legacyGate.close();
    guard.close();
    await watch.close();
  });
}
