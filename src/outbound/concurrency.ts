/** Keeps the slots of this worker at its share of what an endpoint allows, and at less while the circuit breaker ramps up. */
import type { Breaker } from './breaker.ts';
import { SILENT_MS } from '../domain/shares.ts';
import type { Guard } from '../runtime/guard.ts';
import { errorFacts } from '../runtime/log.ts';
import type { Log } from '../runtime/log.ts';
import type { Metrics } from '../runtime/metrics.ts';
import type { Slots } from '../runtime/slots.ts';
import type { Membership } from '../coordination/workers.ts';

export interface Concurrency {
  /** Leaves the other workers its share. */
  close(): Promise<void>;
}

export interface ConcurrencyNeeds {
  /** Its name. */
  endpoint: string;
  membership: Membership;
  slots: Slots;
  maxConcurrent: () => number;
  breaker: Pick<Breaker, 'opening'>;
  guard: Pick<Guard, 'suffers' | 'onChange'>;
  metrics: Pick<Metrics, 'concurrencyShare'>;
  log: Log;
}

const BEAT_MS = 2_000;
const ADJUST_MS = 250;

/** @throws what MongoDB throws when this worker cannot be made known to the others */
export async function keepShare(needs: ConcurrencyNeeds): Promise<Concurrency> {
  const { endpoint, membership, slots, maxConcurrent, breaker, guard, metrics, log } = needs;
  let share = 1;
  let beatAt = performance.now();
  let isFailing = false;
  let beating: Promise<void> | null = null;

  async function beat(): Promise<void> {
    const told = { onTheWire: slots.onTheWire(), suffers: guard.suffers() };
    const since = performance.now();
    share = await membership.beat(maxConcurrent(), told);
    // Counted from when it was sent: the others count from when MongoDB wrote it, which is later.
    beatAt = since;
    isFailing = false;
    adjust();
  }
  async function beatSafely(): Promise<void> {
    try {
      await beat();
    } catch (error) {
      if (!isFailing) log.warn(errorFacts(error), 'The other workers cannot be told of this one');
      isFailing = true;
    }
  }
  const beatOnce = (): Promise<void> => (beating ??= beatSafely().finally(() => (beating = null)));

  /** Whoever was silent for so long has no share any more: others may have taken it. */
  function adjust(): void {
    const mine = performance.now() - beatAt > SILENT_MS ? 1 : share;
    const total = Math.max(1, Math.round(mine ** breaker.opening()));
    slots.resize(total);
    metrics.concurrencyShare.set({ endpoint }, total);
  }

  await beat();
  guard.onChange(() => void beatOnce());
  const timers = [setInterval(() => void beatOnce(), BEAT_MS), setInterval(adjust, ADJUST_MS)];
  for (const timer of timers) timer.unref();
  return {
    async close() {
      for (const timer of timers) clearInterval(timer);
      await beating;
      await membership.leave().catch(() => {});
    },
  };
}
