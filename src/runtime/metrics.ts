/** Prometheus metrics of a process. Labels are few and closed: no ids, no reasons. */
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

export type Metrics = ReturnType<typeof createMetrics>;

export function createMetrics() {
  const registry = new Registry();
  const registers = [registry];
  // Its default, 10 ms, wakes an idle process a hundred times a second.
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 100 });
  return {
    registry,
    deliveries: new Counter({
      name: 'despachante_deliveries_total',
      help: 'Deliveries taken from the intake and returned queues',
      registers,
    }),
    malformed: new Counter({
      name: 'despachante_malformed_total',
      help: 'Deliveries that were no registration and went to the failure queue',
      registers,
    }),
    duplicates: new Counter({
      name: 'despachante_duplicates_total',
      help: 'Deliveries dropped because their id and body were claimed already',
      registers,
    }),
    takeovers: new Counter({
      name: 'despachante_takeovers_total',
      help: 'Claims of dead runs that were taken up again',
      registers,
    }),
    batchSize: new Histogram({
      name: 'despachante_batch_size',
      help: 'Registrations per run',
      buckets: [1, 2, 5, 10, 25, 50, 100, 200, 500],
      registers,
    }),
    unacknowledged: new Gauge({
      name: 'despachante_unacknowledged',
      help: 'Deliveries held, not yet in Temporal',
      registers,
    }),
    submissions: new Counter({
      name: 'despachante_submissions_total',
      help: 'POSTs to the legacy system, by what they came to',
      labelNames: ['result'] as const,
      registers,
    }),
    polls: new Counter({
      name: 'despachante_polls_total',
      help: 'GETs to the legacy system, by what they came to',
      labelNames: ['result'] as const,
      registers,
    }),
    lookUps: new Counter({
      name: 'despachante_look_ups_total',
      help: 'Look-ups of registrations in doubt in the legacy system, by what they came to',
      labelNames: ['result'] as const,
      registers,
    }),
    inDoubt: new Gauge({
      name: 'despachante_in_doubt',
      help: 'Registrations known to be in doubt now, in all; the same from every worker',
      registers,
    }),
    lateResults: new Counter({
      name: 'despachante_late_results_total',
      help: 'Registrations that had timed out and were finished by the legacy system later',
      labelNames: ['status'] as const,
      registers,
    }),
    outcomes: new Counter({
      name: 'despachante_registrations_total',
      help: 'Registrations settled, by outcome',
      labelNames: ['outcome'] as const,
      registers,
    }),
    unroutable: new Counter({
      name: 'despachante_unroutable_total',
      help: 'Outcomes set aside because their destination can never take them: alert on any',
      registers,
    }),
    legacyLatency: new Histogram({
      name: 'despachante_legacy_latency_seconds',
      help: 'From acceptance to the poll that saw the end',
      buckets: [1, 2, 5, 8, 10, 12, 14, 16, 18, 20, 25, 30, 45, 60, 120, 300, 900, 3600],
      registers,
    }),
    planFirstPoll: new Gauge({
      name: 'despachante_plan_first_poll_seconds',
      help: 'When a new run first asks for a registration, after its acceptance',
      registers,
    }),
    planLag: new Gauge({
      name: 'despachante_plan_lag_seconds',
      help: 'Expected with the plan of new runs: from done to the poll that sees it',
      registers,
    }),
    planGets: new Gauge({
      name: 'despachante_plan_gets',
      help: 'Expected with the plan of new runs: GETs per registration',
      registers,
    }),
    settleLag: new Histogram({
      name: 'despachante_settle_lag_seconds',
      help: 'From the poll that saw the end to the settlement',
      buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
      registers,
    }),
    held: new Gauge({
      name: 'despachante_intake_held',
      help: 'Whether intake takes nothing, by what holds it: 1 or 0',
      labelNames: ['by'] as const,
      registers,
    }),
    breakerOpen: new Gauge({
      name: 'despachante_breaker_open',
      help: 'Whether the circuit breaker lets nothing through to an endpoint: 1 or 0',
      labelNames: ['endpoint'] as const,
      registers,
    }),
    breakerTrips: new Counter({
      name: 'despachante_breaker_trips_total',
      help: 'How often this process has opened the circuit breaker',
      labelNames: ['endpoint'] as const,
      registers,
    }),
    limit: new Gauge({
      name: 'despachante_limit',
      help: 'Limits in force for an endpoint, across all workers; absent where there is none',
      labelNames: ['endpoint', 'limit'] as const,
      registers,
    }),
    concurrencyShare: new Gauge({
      name: 'despachante_concurrency_share',
      help: 'Requests that this worker may have on the wire at once',
      labelNames: ['endpoint'] as const,
      registers,
    }),
    suffering: new Gauge({
      name: 'despachante_suffering',
      help: 'Whether this process is short of memory or late with what is due: 1 or 0',
      registers,
    }),
    up: new Gauge({
      name: 'despachante_dependency_up',
      help: 'Whether a neighbour can be used: 1 or 0',
      labelNames: ['dependency'] as const,
      registers,
    }),
  };
}
