/** The gate of a worker to the legacy system, with all that shuts it. */
import { openBreakerStore } from '../coordination/breaker-state.ts';
import { createBreaker } from '../outbound/breaker.ts';
import { keepShare } from '../outbound/concurrency.ts';
import type { Config } from '../config/schema.ts';
import type { ControlWatch } from '../coordination/control-watch.ts';
import { createGate } from '../outbound/gate.ts';
import type { Heard } from '../domain/registrations/statuses.ts';
import { LIMITS, limitsInForce, type Limits } from '../domain/limits.ts';
import type { Guard } from '../runtime/guard.ts';
import { openInFlight } from './in-flight.ts';
import type { Log } from '../runtime/log.ts';
import type { Metrics } from '../runtime/metrics.ts';
import { openRates } from '../coordination/rates.ts';
import { createSlots } from '../runtime/slots.ts';
import type { Store } from './store.ts';
import { joinProcesses, workersOf } from '../coordination/processes.ts';
import { legacyEndpoint } from '../config/endpoint.ts';

/** @throws what MongoDB throws: without it nobody knows what the others do */
export async function openLegacyGate(
  config: Config,
  store: Store,
  watch: ControlWatch,
  guard: Guard,
  metrics: Metrics,
  log: Log,
) {
  const endpoint = legacyEndpoint(config);
  const { name } = endpoint;
  await watch.refresh();
  watch.onRead(() => store.clock.set(watch.now()));
  const limits = (): Limits => limitsInForce(config.legacy, watch.current()?.limits[name] ?? {});
  watch.onRead(() => tell(name, limits(), metrics));
  const breaker = createBreaker({
    endpoint,
    store: openBreakerStore(store.own, endpoint),
    watch,
    metrics,
    log,
  });
  const tellMisconfigured = tellNowAndThen(log);
  const slots = createSlots(1);
  const me = joinProcesses({ db: () => Promise.resolve(store.own), role: 'worker', guard });
  const share = await keepShare({
    endpoint: name,
    me,
    slots,
    maxConcurrent: () => limits().maxConcurrent,
    breaker,
    guard,
    metrics,
    log,
  });
  const inFlight = openInFlight({
    store,
    limit: () => limits().maxInFlight,
    legacyTimeoutMs: config.legacy.timeout,
    workers: () => workersOf(watch.current()?.processes ?? [], name).length,
  });
  return {
    inFlight,
    gate: createGate({
      slots,
      breaker,
      limits: {
        submits: {
          setting: 'legacy.maxSubmitsPerSecond',
          perSecond: () => limits().maxSubmitsPerSecond,
          bound: inFlight,
        },
        gets: {
          setting: 'legacy.maxGetsPerSecond',
          perSecond: () => limits().maxGetsPerSecond,
        },
      },
      rates: openRates(store.own, name),
      log,
    }),
    /** To be told of every answer of the legacy system. */
    observe(heard: Heard, reason: string): void {
      if (heard === 'misconfigured' || heard === 'perhaps-misconfigured') tellMisconfigured(reason);
      breaker.observe(heard, reason);
    },
    waitReason: () => breaker.wait()?.reason ?? null,
    async close() {
      await share.close();
      await me.stop();
    },
  };
}

const TOLD_AGAIN_MS = 60_000;

/** Logs at once, and then once a minute while it lasts. */
function tellNowAndThen(log: Log): (reason: string) => void {
  let notBefore = 0;
  return (reason) => {
    const now = performance.now();
    if (now < notBefore) return;
    notBefore = now + TOLD_AGAIN_MS;
    log.warn(
      { runbook: 'turned-away', reason },
      'The legacy system rejects our address or our credentials: nothing is filed until that is mended',
    );
  };
}

function tell(endpoint: string, limits: Limits, metrics: Pick<Metrics, 'limit'>): void {
  for (const limit of LIMITS) {
    const value = limits[limit];
    if (value === null) metrics.limit.remove({ endpoint, limit });
    else metrics.limit.set({ endpoint, limit }, value);
  }
}
