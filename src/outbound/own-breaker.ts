/**
 * The circuit breaker of this process alone, before a broker: whoever only publishes, such as a web server, needs no MongoDB. When it
 * opens and closes is decided as for all others (breaker.ts); the state is in memory instead (breaker-state.ts).
 */
import type { Endpoint } from '../config/endpoint.ts';
import type { BreakerDocument, BreakerStore } from '../coordination/breaker-state.ts';
import type { Log } from '../runtime/log.ts';
import type { Metrics } from '../runtime/metrics.ts';
import { createBreaker, type Breaker, type BreakerWatch } from './breaker.ts';

export function createOwnBreaker(
  endpoint: Endpoint,
  metrics: Pick<Metrics, 'breakerOpen' | 'breakerTrips'>,
  log: Log,
): Breaker {
  return createBreaker({ endpoint, ...stateInMemory(endpoint), metrics, log });
}

function stateInMemory({ name, address }: Endpoint): { store: BreakerStore; watch: BreakerWatch } {
  const fresh = { _id: `breaker/${name}`, address, reason: '', trips: 0, probe: null } as const;
  /** Null until it opens for the first time. */
  let now: BreakerDocument | null = null;
  const listeners: (() => void)[] = [];

  type Next = Pick<BreakerDocument, 'state'> & Partial<BreakerDocument>;
  /** Whether it was so. */
  function move(isSo: boolean, lastsMs: number, to: Next): Promise<boolean> {
    const since = Date.now();
    if (isSo) now = { ...fresh, ...now, since, until: since + lastsMs, probe: null, ...to };
    return Promise.resolve(isSo);
  }
  const hasRested = (more: number) =>
    now !== null && now.state !== 'closed' && now.until + more <= Date.now();
  const isProbe = (token: string) => now?.state === 'probing' && now.probe === token;

  return {
    store: {
      async open(reason, trips, restMs) {
        const isClosed = now === null || now.state === 'closed';
        await move(isClosed, restMs, { state: 'open', reason, trips });
      },
      takeProbe: (token, lastsMs) =>
        move(hasRested(0), lastsMs, { state: 'probing', probe: token }),
      async close(token) {
        await move(isProbe(token), 0, { state: 'closed' });
      },
      async reopen(token, reason, trips, restMs) {
        await move(isProbe(token), restMs, { state: 'open', reason, trips });
      },
      closeIdle: (idleMs) => move(hasRested(idleMs), 0, { state: 'closed' }),
    },
    watch: {
      current: () => ({ breakers: now === null ? {} : { [name]: now } }),
      now: Date.now,
      refresh: () => Promise.resolve(listeners.forEach((listener) => listener())),
      onRead(listener) {
        listeners.push(listener);
        listener();
      },
    },
  };
}
