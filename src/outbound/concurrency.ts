/** Keeps the slots of this worker at its share of legacy.maxConcurrent, and at less while the circuit breaker ramps up. */
import type { Breaker } from './breaker.ts';
import {
  keepBeating,
  workersOf,
  type OwnProcess,
  type SeenProcess,
} from '../coordination/processes.ts';
import { shareOf } from '../domain/shares.ts';
import { ADJUST_MS, GIVEN_UP_MS } from '../domain/timing.ts';
import type { Guard } from '../runtime/guard.ts';
import type { Log } from '../runtime/log.ts';
import type { Metrics } from '../runtime/metrics.ts';
import type { Slots } from '../runtime/slots.ts';

interface ConcurrencyNeeds {
  endpoint: string;
  me: OwnProcess;
  slots: Slots;
  maxConcurrent: () => number;
  breaker: Pick<Breaker, 'opening' | 'wait'>;
  guard: Pick<Guard, 'onChange'>;
  metrics: Pick<Metrics, 'concurrencyShare'>;
  log: Log;
}

interface Holding {
  share(): number;
  /** Has no more than so many requests on the wire from now on. */
  use(share: number): void;
  onTheWire(): number;
  waitReason(): string | null;
}

/**
 * Takes the share of an endpoint anew. No worker uses more than the others know of: it stops using what it gives up before it
 * tells them, and uses what it adds only after they were told and have still left as much.
 * @param total of all workers together
 * @throws what MongoDB throws
 */
export async function renewShare(
  me: OwnProcess,
  endpoint: string,
  total: number,
  holding: Holding,
): Promise<void> {
  const tell = (share: number) => {
    const onTheWire = holding.onTheWire();
    // What is still on the wire from before is not free for the others yet.
    const use = { share: Math.max(share, onTheWire), onTheWire, waitReason: holding.waitReason() };
    return me.beat({ endpoint, ...use });
  };
  const left = (others: SeenProcess[]) => {
    const shares = workersOf(others, endpoint).map(({ _id, use }) => [_id, use.share] as const);
    return shareOf(me._id, new Map(shares), total);
  };
  const before = holding.share();
  const wanted = left(await tell(before));
  if (wanted < before) holding.use(wanted);
  if (wanted !== before) holding.use(Math.min(wanted, left(await tell(wanted))));
}

/** Has one slot until MongoDB has said what the others have. */
export async function keepShare(needs: ConcurrencyNeeds) {
  const { endpoint, me, slots, maxConcurrent, breaker, guard, metrics, log } = needs;
  let share = 1;

  const holding: Holding = {
    share: () => share,
    use(next) {
      share = next;
      adjust();
    },
    onTheWire: () => slots.onTheWire(),
    waitReason: () => breaker.wait()?.reason ?? null,
  };
  /** After such a silence the others may have taken this worker's share. */
  function adjust(): void {
    if (performance.now() - me.beatAt() > GIVEN_UP_MS) share = 1;
    const total = Math.max(1, Math.round(share ** breaker.opening()));
    slots.resize(total);
    metrics.concurrencyShare.set({ endpoint }, total);
  }
  async function beat(): Promise<void> {
    adjust();
    await renewShare(me, endpoint, maxConcurrent(), holding);
  }

  const beating = keepBeating(beat, guard, log);
  await beating.run();
  const adjusting = setInterval(adjust, ADJUST_MS);
  adjusting.unref();
  return {
    async close(): Promise<void> {
      clearInterval(adjusting);
      await beating.close();
    },
  };
}
