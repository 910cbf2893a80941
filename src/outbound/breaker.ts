/**
 * The circuit breaker before an endpoint. Each process counts its own answers and trips it; its state is one for all processes
 * (breaker-state.ts). While it is open nothing is sent; then one probe; then more and more, until `rampUp` is over.
 */
import { randomUUID } from 'node:crypto';
import type { BreakerDocument, BreakerStore } from '../coordination/breaker-state.ts';
import type { Endpoint } from '../config/endpoint.ts';
import { restBefore } from '../domain/backoff.ts';
import type { Heard } from '../domain/registrations/statuses.ts';
import { errorFacts, type Log } from '../runtime/log.ts';
import type { Metrics } from '../runtime/metrics.ts';
import { createRollingCounter, type RollingCounter } from './rolling-counter.ts';

/** Why nothing may be sent now, and when to ask again, ms. */
export interface Wait {
  reason: string;
  retryAfter: number;
}

/** Longer than any rest of Temporal's retry policy: a worker with something to ask would have probed by then. */
const IDLE_MS = 30_000;
/** Answers that are enough to trip it while it ramps up. */
const EARLY = 5;
/** Lost answers that are enough where nothing was well in between, for as long as the window: a slow endpoint fills no window. */
const LOST_IN_A_ROW = 5;
/** Those that began longer ago are forgotten. */
const ROW_MS = 3_600_000;
const NO_ROW = { count: 0, since: 0 };
const PROBE_LASTS_MORE_MS = 10_000;

export type Breaker = ReturnType<typeof createBreaker>;

/** What is known of the state, as ControlWatch reads it. */
export interface BreakerWatch {
  current(): { readonly breakers: Readonly<Record<string, BreakerDocument>> } | null;
  /** Epoch ms. */
  now(): number;
  refresh(): Promise<void>;
  onRead(listener: () => void): void;
}

export function createBreaker({
  endpoint: { name: endpoint, address, timeoutMs, breaker },
  store,
  watch,
  metrics,
  log,
}: {
  endpoint: Endpoint;
  store: BreakerStore;
  watch: BreakerWatch;
  metrics: Pick<Metrics, 'breakerOpen' | 'breakerTrips'>;
  log: Log;
}) {
  const { enabled, threshold, window, minRequests, rest, maxRest, rampUp } = breaker;
  /** Counts while it is closed. */
  let counter: RollingCounter | null = null;
  let sensed: 'shut' | 'ramping' | 'closed' = 'shut';
  let reason = '';
  let lost = NO_ROW;
  /** Ours, while it is under way. */
  let probe: string | null = null;
  /** We have seen it trip, and the others have not been told yet. */
  let isTelling = false;
  const known = (): BreakerDocument | null => {
    const found = watch.current()?.breakers[endpoint] ?? null;
    return found?.address === address ? found : null;
  };

  /** How much may be sent, from 0 to 1: less than 1 for a while after a break. */
  function opening(): number {
    const document = known();
    if (!enabled || document === null || document.trips === 0 || rampUp === 0) return 1;
    if (document.state !== 'closed') return 0;
    return Math.min(1, Math.max(0, (watch.now() - document.since) / rampUp));
  }

  function follow(): void {
    const ours = known();
    const isShut = isTelling || (ours !== null && ours.state !== 'closed');
    const next = isShut ? 'shut' : opening() < 1 ? 'ramping' : 'closed';
    metrics.breakerOpen.set({ endpoint }, isShut ? 1 : 0);
    if (isShut && ours !== null && watch.now() > ours.until + IDLE_MS) void closeIdle();
    if (next === sensed) return;
    const before = sensed;
    sensed = next;
    counter = next === 'shut' ? null : createRollingCounter(window);
    lost = NO_ROW;
    if (before === 'shut' && ours !== null) {
      log.info({ endpoint }, 'The circuit breaker is closed again');
    }
    if (next === 'shut' && !isTelling) {
      log.warn(
        { runbook: 'legacy-is-down', endpoint, reason: ours?.reason },
        'The circuit breaker is open: nothing is sent',
      );
    }
  }

  /** Whether it has heard nothing but lost answers for long enough. */
  function isLosing(heard: Heard): boolean {
    if (heard === 'well') lost = NO_ROW;
    if (heard !== 'lost' || counter === null) return false;
    const now = performance.now();
    const isRow = lost.count > 0 && now - lost.since < ROW_MS;
    lost = isRow ? { ...lost, count: lost.count + 1 } : { count: 1, since: now };
    return lost.count >= LOST_IN_A_ROW && now - lost.since >= window;
  }

  function count(isTrouble: boolean): void {
    const least = sensed === 'ramping' ? Math.min(EARLY, minRequests) : minRequests;
    const counted = counter?.add(isTrouble);
    if (counted === undefined || !isTrouble || counted.all < least) return;
    if ((counted.bad / counted.all) * 100 > threshold) void trip();
  }

  const restAfter = (trips: number): number =>
    restBefore({ kind: 'exponential', initial: rest, longest: maxRest }, trips);

  async function trip(): Promise<void> {
    if (isTelling) return;
    isTelling = true;
    follow();
    const last = known();
    const isSoon = last !== null && watch.now() - last.since < 2 * (rampUp + window);
    const trips = isSoon ? last.trips + 1 : 1;
    metrics.breakerTrips.inc({ endpoint });
    const facts = { endpoint, reason, restMs: restAfter(trips) };
    log.warn({ runbook: 'legacy-is-down', ...facts }, 'The circuit breaker opens: nothing is sent');
    await change(
      () => store.open(reason, trips, restAfter(trips)),
      'Cannot tell the other processes that the circuit breaker is open',
    );
    isTelling = false;
    follow();
  }

  /** Changes the shared state and reads it again; null where MongoDB cannot be asked. */
  async function change<T>(write: () => Promise<T>, trouble: string): Promise<T | null> {
    try {
      const result = await write();
      await watch.refresh();
      return result;
    } catch (error) {
      log.warn({ runbook: 'mongodb-away', ...errorFacts(error) }, trouble);
      return null;
    }
  }

  async function closeIdle(): Promise<void> {
    try {
      if (!(await store.closeIdle(IDLE_MS))) return;
      log.info({ endpoint }, 'The circuit breaker closes: nobody has anything to ask');
      await watch.refresh();
    } catch (error) {
      log.warn(
        { runbook: 'mongodb-away', ...errorFacts(error) },
        'The circuit breaker could not be closed',
      );
    }
  }

  async function conclude(token: string, isWell: boolean): Promise<void> {
    const trips = (known()?.trips ?? 0) + 1;
    await change(
      () => (isWell ? store.close(token) : store.reopen(token, reason, trips, restAfter(trips))),
      'The result of the probe could not be told',
    );
  }

  if (enabled) {
    watch.onRead(follow);
    if (watch.current() === null) follow();
  }
  return {
    opening,
    wait(): Wait | null {
      const document = known();
      if (isTelling) return { reason: `circuit breaker open: ${reason}`, retryAfter: 1_000 };
      if (!enabled || document === null || document.state === 'closed') return null;
      const left = Math.max(document.until - watch.now(), 0);
      return {
        reason: `circuit breaker ${document.state}: ${document.reason}`,
        // A probe may be over long before it counts as lost.
        retryAfter: document.state === 'probing' ? 1_000 : Math.max(left, 200),
      };
    },
    /** Whether this process may send the one request that asks after a break. Never throws. */
    async takeProbe(): Promise<boolean> {
      const document = known();
      if (isTelling || probe !== null || document === null) return false;
      if (document.state === 'closed' || document.until > watch.now()) return false;
      const token = randomUUID();
      probe = token;
      const isOurs = await change(
        () => store.takeProbe(token, timeoutMs + PROBE_LASTS_MORE_MS),
        'The circuit breaker cannot be asked',
      );
      if (isOurs === true)
        log.info({ endpoint, trips: document.trips }, 'One request asks whether it is back');
      else probe = null;
      return isOurs === true;
    },
    /** Told what each answer says of the endpoint; `why`: what was wrong. */
    observe(heard: Heard, why: string): void {
      const isPerhaps = heard === 'perhaps-misconfigured';
      const isTrouble = isPerhaps || ['trouble', 'lost', 'misconfigured'].includes(heard);
      if (isTrouble) reason = why.slice(0, 200);
      const token = probe;
      if (token !== null) {
        probe = null;
        // Somebody is there. Kept open by one that is refused for itself, it would keep away those that could be accepted.
        void conclude(token, !isTrouble || isPerhaps);
      } else if (isLosing(heard)) void trip();
      else if (heard !== 'nothing') count(isTrouble);
    },
    /** The probe was not sent after all. */
    giveBack(): void {
      const token = probe;
      if (token === null) return;
      probe = null;
      const document = known();
      store
        .reopen(token, document?.reason ?? '', document?.trips ?? 1, 0)
        .catch((error: unknown) =>
          log.warn(
            { runbook: 'mongodb-away', ...errorFacts(error) },
            'A probe could not be given back',
          ),
        );
    },
  };
}
