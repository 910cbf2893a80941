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
  const histogram = (name: string, help: string, buckets: number[]) =>
    new Histogram({ name: `despachante_${name}`, help, buckets, registers });
  return {
    registry,
    deliveries: counter('deliveries_total', 'Deliveries taken from the intake and returned queues'),
    malformed: counter(
      'malformed_total',
      'Deliveries that were no registration and went to the failure queue',
    ),
    duplicates: counter(
      'duplicates_total',
      'Deliveries dropped because their id and body were claimed already',
    ),
    takeovers: counter('takeovers_total', 'Claims of dead runs that were taken up again'),
    batchSize: histogram(
      'batch_size',
      'Registrations per run',
      [1, 2, 5, 10, 25, 50, 100, 200, 500],
    ),
    unacknowledged: gauge('unacknowledged', 'Deliveries in hand, not yet in Temporal'),
    submissions: counter(
      'submissions_total',
      'POSTs to the legacy system, by what they came to',
      'result',
    ),
    polls: counter('polls_total', 'GETs to the legacy system, by what they came to', 'result'),
    lookUps: counter(
      'look_ups_total',
      'Look-ups of registrations in doubt in the legacy system, by what they came to',
      'result',
    ),
    inDoubt: gauge(
      'in_doubt',
      'Registrations known to be in doubt now, in all; the same from every worker',
    ),
    lateResults: counter(
      'late_results_total',
      'Registrations that had timed out and were finished by the legacy system later',
      'status',
    ),
    outcomes: counter('registrations_total', 'Registrations settled, by outcome', 'outcome'),
    setAside: counter(
      'set_aside_total',
      'Outcomes set aside because their destination can never take them: alert on any',
    ),
    legacyLatency: histogram(
      'legacy_latency_seconds',
      'From acceptance to the poll that saw the end',
      [1, 2, 5, 8, 10, 12, 14, 16, 18, 20, 25, 30, 45, 60, 120, 300, 900, 3600],
    ),
    planFirstPoll: gauge(
      'plan_first_poll_seconds',
      'When a new run first asks for a registration, after its acceptance',
    ),
    planLag: gauge(
      'plan_lag_seconds',
      'Expected with the plan of new runs: from done to the poll that sees it',
    ),
    planGets: gauge('plan_gets', 'Expected with the plan of new runs: GETs per registration'),
    settleLag: histogram(
      'settle_lag_seconds',
      'From the poll that saw the end to the settlement',
      [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
    ),
    intakeClosed: gauge(
      'intake_closed',
      'Whether intake takes nothing, by what closes it: 1 or 0',
      'by',
    ),
    breakerOpen: gauge(
      'breaker_open',
      'Whether the circuit breaker lets nothing through to an endpoint: 1 or 0',
      'endpoint',
    ),
    breakerTrips: counter(
      'breaker_trips_total',
      'How often this process has opened the circuit breaker',
      'endpoint',
    ),
    limit: gauge(
      'limit',
      'Limits in force for an endpoint, across all workers; absent where there is none',
      'endpoint',
      'limit',
    ),
    concurrencyShare: gauge(
      'concurrency_share',
      'Requests that this worker may have on the wire at once',
      'endpoint',
    ),
    suffering: gauge(
      'suffering',
      'Whether this process is short of memory or late with what is due: 1 or 0',
    ),
    up: gauge('dependency_up', 'Whether a neighbour can be used: 1 or 0', 'dependency'),
  };
}
