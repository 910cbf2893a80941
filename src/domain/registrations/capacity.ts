/** The machines that a rate of registrations needs, from measured costs, by Little's law and the poll plan. Pure. */

/** As the bench measures them (`npm run bench`). */
export interface Costs {
  /** ms of CPU for each registration. */
  workerCpuMs: number;
  intakeCpuMs: number;
  /** Temporal, MongoDB and RabbitMQ together. */
  serversCpuMs: number;
  /** Memory of a worker before it has work, MB, and what each registration in flight adds, KB. */
  workerBaseMb: number;
  workerKbInFlight: number;
}

interface Demand {
  /** Registrations a second, sustained. */
  rate: number;
  /** Time from accepted to done, ms. */
  latency: { p50: number; p99: number };
  backlog: number;
}

interface Means {
  /** Polls planned within the expected latency: `legacy.maxGetsPerRegistration`. */
  plannedPolls: number;
  /** How long the legacy system takes to answer a request, ms. */
  requestMs: number;
  /** `legacy.maxConcurrent`, of all workers together. */
  maxConcurrent: number;
  batchSize: number;
}

export type Capacity = ReturnType<typeof capacityFor>;

/** The rest is for bursts, and for the death of a process. */
const UTILISATION = 0.6;
/** z of the 99th percentile of the normal distribution. */
const Z99 = 2.326;

/** @throws RangeError when a number is not above zero, or p99 < p50 */
export function capacityFor(demand: Demand, means: Means, costs: Costs) {
  const { rate, latency, backlog } = demand;
  if (!(rate > 0) || !(latency.p50 > 0) || latency.p99 < latency.p50) {
    throw new RangeError('Expected rate > 0 and p99 >= p50 > 0');
  }
  // A log-normal through the two quantiles: latencies are skewed, so their mean is above the median.
  const sigma = Math.log(latency.p99 / latency.p50) / Z99;
  const meanLatencyMs = latency.p50 * Math.exp((sigma * sigma) / 2);
  // Of n polls at the quantiles the k-th sees one nth of all: (1 + … + n) / n of them on average.
  const getsPerRegistration = (means.plannedPolls + 1) / 2;
  const inFlight = (rate * meanLatencyMs) / 1000;
  const onTheWire = (rate * (1 + getsPerRegistration) * means.requestMs) / 1000;
  const cores = {
    workers: (rate * costs.workerCpuMs) / 1000,
    intakes: (rate * costs.intakeCpuMs) / 1000,
    servers: (rate * costs.serversCpuMs) / 1000,
  };
  const workers = atLeastOne(cores.workers / UTILISATION);
  const intakes = atLeastOne(cores.intakes / UTILISATION);
  const ceiling = Math.min(
    (workers * 1000) / costs.workerCpuMs,
    (intakes * 1000) / costs.intakeCpuMs,
    (means.maxConcurrent * 1000) / ((1 + getsPerRegistration) * means.requestMs),
  );
  return {
    /** From accepted to done. */
    meanLatencyMs,
    inFlight,
    getsPerRegistration,
    postsPerSecond: rate,
    getsPerSecond: rate * getsPerRegistration,
    /** Requests at once, on average, and the `legacy.maxConcurrent` that leaves room above it. */
    onTheWire,
    maxConcurrentNeeded: atLeastOne(onTheWire / UTILISATION),
    /** In use, on average. */
    cores,
    workers,
    intakes,
    workerMemoryMb: costs.workerBaseMb + (inFlight / workers / 1024) * costs.workerKbInFlight,
    /** The most that these processes can take, registrations a second. */
    ceiling,
    /** Until the backlog is gone while the rate goes on; null when it never is. */
    backlogSeconds: backlog === 0 ? 0 : ceiling > rate ? backlog / (ceiling - rate) : null,
  };
}

const atLeastOne = (value: number): number => Math.max(1, Math.ceil(value));
