/** Prometheus metrics of a process. Labels are few and closed: no ids, no reasons. */
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

export type Metrics = ReturnType<typeof createMetrics>;

export function createMetrics() {
  const registry = new Registry();
  const registers = [registry];
  // Its default, 10 ms, wakes an idle process a hundred times a second.
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 100 });
  const counter = <L extends string = string>(name: string, help: string, ...labelNames: L[]) =>
    new Counter({ name: `despachante_${name}`, help, labelNames, registers });
  const gauge = <L extends string = string>(name: string, help: string, ...labelNames: L[]) =>
    new Gauge({ name: `despachante_${name}`, help, labelNames, registers });
  const histogram = <L extends string = string>(
    name: string,
    help: string,
    buckets: number[],
    ...labelNames: L[]
  ) => new Histogram({ name: `despachante_${name}`, help, buckets, labelNames, registers });
  return {
    registry,
    deliveries: counter('deliveries_total', 'Deliveries taken, by source', 'source'),
    malformed: counter('malformed_total', 'Deliveries that were no item, by source', 'source'),
    duplicates: counter('duplicates_total', 'Deliveries dropped: id and body were claimed already'),
    takeovers: counter('takeovers_total', 'Claims of dead runs that were taken up again'),
    batchSize: histogram('batch_size', 'Items per run', BATCHES, 'source'),
    unacknowledged: gauge('unacknowledged', 'Deliveries in hand, not yet in Temporal', 'source'),
    submissions: counter('submissions_total', 'POSTs to the legacy system, by result', 'result'),
    polls: counter('polls_total', 'GETs to the legacy system, by result', 'result'),
    lookUps: counter('look_ups_total', 'Look-ups of what is in doubt, by result', 'result'),
    inDoubt: gauge('in_doubt', 'Registrations in doubt now, in all; the same from every worker'),
    lateResults: counter(
      'late_results_total',
      'Timed out, and finished later all the same',
      'status',
    ),
    outcomes: counter('registrations_total', 'Registrations settled, by outcome', 'outcome'),
    setAside: counter('set_aside_total', 'Outcomes no destination can ever take: alert on any'),
    legacyLatency: histogram(
      'legacy_latency_seconds',
      'From acceptance to the poll that saw the end',
      [1, 2, 5, 8, 10, 12, 14, 16, 18, 20, 25, 30, 45, 60, 120, 300, 900, 3600],
    ),
    planFirstPoll: gauge('plan_first_poll_seconds', 'From acceptance to the first poll, planned'),
    planLag: gauge('plan_lag_seconds', 'From done to the poll that sees it, expected by the plan'),
    planGets: gauge('plan_gets', 'GETs per registration, expected by the plan of new runs'),
    settleLag: histogram(
      'settle_lag_seconds',
      'From the poll that saw the end to the settlement',
      [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
    ),
    intakeClosed: gauge(
      'intake_closed',
      'Whether nothing is taken from a source, by what closes it',
      'source',
      'by',
    ),
    breakerOpen: gauge('breaker_open', 'Whether the breaker lets nothing through', 'endpoint'),
    breakerTrips: counter('breaker_trips_total', 'How often we opened the breaker', 'endpoint'),
    limit: gauge('limit', 'Limits of all workers together; absent if none', 'endpoint', 'limit'),
    concurrencyShare: gauge('concurrency_share', 'Requests we may have on the wire', 'endpoint'),
    suffering: gauge('suffering', 'Whether we are short of memory or late with what is due'),
    up: gauge('dependency_up', 'Whether a neighbour can be used: 1 or 0', 'dependency'),
  };
}

const BATCHES = [1, 2, 5, 10, 25, 50, 100, 200, 500];
