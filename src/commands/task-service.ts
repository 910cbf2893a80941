/** The workers of a folder, as a part of a process. */
import { readQueues, type QueueSetting } from '../config/queues.ts';
import { startTaskWorkers, type RunningWorkers } from '../task-workers.ts';
import { createWorkerCounter } from '../tasks/metrics.ts';
import { idleQueues, placeOf, runnableOf } from '../tasks/runnable.ts';
import type { Found } from '../workers/discover.ts';
import { CommandError, EXIT } from './context.ts';
import type { Process } from './service.ts';

interface Chosen {
  found: readonly Found[];
  queuesFile: string | undefined;
  concurrency: number | null;
  /** Whether they are all: then each queue that is to be taken from has its worker. */
  areAll: boolean;
}

/** @throws CommandError where a queue has no worker; Error that names the neighbour that cannot be reached */
export function startChosen(
  { config, forOthers: env, log, metrics, client, unlessStopped }: Process,
  { found, queuesFile, concurrency, areAll }: Chosen,
): Promise<RunningWorkers> {
  const queues = readQueues(queuesFile);
  const placed = found.map(({ worker }) => placeOf(worker, config, queues));
  refuseClosed(placed);
  if (areAll) refuseIdle(queues, placed);
  const counter = createWorkerCounter(metrics.registry);
  const workers = found.map((each) =>
    runnableOf(each, config, log, {
      ...{ concurrency, queues, env },
      count: countIn(counter, each.worker.name),
    }),
  );
  return unlessStopped(startTaskWorkers({ config, workers, queues, client, metrics, log }));
}

function refuseClosed(placed: Parameters<typeof idleQueues>[1]): void {
  const closed = placed.flatMap(({ queue }) => (queue?.consumer === false ? [queue.name] : []));
  if (closed.length === 0) return;
  throw new CommandError(
    `enable_consumer is false for ${closed.join(', ')} in queues.yaml, and a worker that was chosen takes from there: choose others, or set it to true`,
    EXIT.usage,
  );
}

/** Names of counters, for each worker: more would be ids. */
const MOST_NAMES = 100;

function countIn(counter: ReturnType<typeof createWorkerCounter>, worker: string) {
  const names = new Set<string>();
  return (name: string, by: number): void => {
    if (!Number.isFinite(by) || by < 0) return;
    if (names.size < MOST_NAMES) names.add(name);
    if (names.has(name)) counter.inc({ worker, name }, by);
  };
}

function refuseIdle(queues: readonly QueueSetting[], placed: Parameters<typeof idleQueues>[1]) {
  const idle = idleQueues(queues, placed);
  if (idle.length === 0) return;
  throw new CommandError(
    `No worker takes from ${idle.join(', ')}: name the worker in queues.yaml (worker: …), let its code say from: rabbitmq('…'), or set enable_consumer: false`,
    EXIT.usage,
  );
}
