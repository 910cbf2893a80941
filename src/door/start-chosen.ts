/** Workers of files, as a part of a process. */
import type { QueueSetting } from '../config/queues.ts';
import type { Process } from './process.ts';
import { startTaskWorkers, type RunningWorkers } from '../task-workers.ts';
import { createWorkerCounter } from '../tasks/metrics.ts';
import {
  APART,
  idleQueues,
  placeOf,
  runnableOf,
  sharedSources,
  type Runnable,
} from '../tasks/runnable.ts';
import { WorkersNotLoadedError, type Found } from '../workers/discover.ts';

interface Chosen {
  found: readonly Found[];
  /** Of queues.yaml. */
  queues: readonly QueueSetting[];
  concurrency: number | null;
  /** Whether they are all: then each queue that is to be taken from has its worker. */
  areAll: boolean;
}

/**
 * @throws WorkersNotLoadedError where a queue has no worker, or is closed to the one that it has, or two workers have one source;
 * Error that names the neighbour that cannot be reached
 */
export async function startChosen(
  { config, forOthers: env, log, metrics, client }: Process,
  { found, queues, concurrency, areAll }: Chosen,
): Promise<RunningWorkers & { reload(): void }> {
  const placed = found.map(({ worker }) => placeOf(worker, config, queues));
  refuseClosed(placed);
  refuseUnpublished(found, queues);
  const shared = sharedSources(found, config, queues);
  if (shared.length > 0) throw new WorkersNotLoadedError(`${shared.join('\n')}\n${APART}`);
  if (areAll) refuseIdle(queues, placed);
  const counter = createWorkerCounter(metrics.registry);
  const workers: Runnable[] = [];
  try {
    // The processes of its handlers start with each.
    for (const each of found)
      workers.push(
        runnableOf(each, config, log, {
          ...{ concurrency, queues, env },
          count: countIn(counter, each.worker.name),
        }),
      );
    const running = await startTaskWorkers({ config, workers, queues, client, metrics, log });
    return { ...running, reload: () => workers.forEach((each) => each.reload()) };
  } catch (error) {
    await Promise.all(workers.map(({ caller }) => caller.stop(0)));
    throw error;
  }
}

function refuseClosed(placed: Parameters<typeof idleQueues>[1]): void {
  const closed = placed.flatMap(({ queue }) => (queue?.consumer === false ? [queue.name] : []));
  if (closed.length === 0) return;
  throw new WorkersNotLoadedError(
    `enable_consumer is false for ${closed.join(', ')} in queues.yaml, and a worker that was chosen takes from there: choose others, or set it to true`,
  );
}

/** Else it is noticed once a handler has run. */
function refuseUnpublished(found: readonly Found[], queues: readonly QueueSetting[]): void {
  const shut = queues.filter(({ publisher }) => !publisher);
  const outputs = found.flatMap(({ worker: { name, to } }) =>
    shut.some((queue) => queue.type === to?.broker && queue.name === to.name)
      ? [`${to?.name} (${name})`]
      : [],
  );
  if (outputs.length === 0) return;
  throw new WorkersNotLoadedError(
    `enable_publisher is false for ${outputs.join(', ')} in queues.yaml, and a worker that was chosen publishes its results there (to): choose others, or set it to true`,
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
  throw new WorkersNotLoadedError(
    `No worker takes from ${idle.join(', ')}: name the worker in queues.yaml (worker: …), let its code say from: rabbitmq('…'), or set enable_consumer: false`,
  );
}
