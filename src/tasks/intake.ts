/** The intake of one worker: from its source to runs of its tasks. */
import type { OpenSource } from '../broker/source.ts';
import { workerQueue } from '../domain/names.ts';
import { laneId, laneOf } from '../domain/lanes.ts';
import type { NewTask } from '../domain/tasks.ts';
import { startIntake, type Intake } from '../intake/intake.ts';
import { labelOf } from '../intake/label.ts';
import type { Log } from '../runtime/log.ts';
import type { Metrics } from '../runtime/metrics.ts';
import type { createReject } from '../intake/reject.ts';
import { encodedBytes, readTask } from './delivery.ts';
import { laneRun, type LaneNeeds } from './hand-over.ts';
import type { TaskMetrics } from './metrics.ts';
import { nameOfRun, taskRun } from './run.ts';

interface TaskIntakeNeeds {
  open: OpenSource;
  reject: ReturnType<typeof createReject>;
  lanes: LaneNeeds;
  metrics: Metrics;
  taskMetrics: Pick<TaskMetrics, 'tasks'>;
  log: Log;
}

/**
 * Runs that are not full, a second: as many tasks a second begin at once, and beyond that a run waits and fills. Fewer would make a
 * worker late that has little to do; more would cost a busy one a core (some 10 ms of CPU each, servers included).
 */
const PARTIAL_RUNS = 20;
/** Batches for `handleBatch` that are not full, a second: each is a call of the handler. */
const PARTIAL_BATCHES = 100;
/** The same for each lane: it is open, and more costs it little. */
const PARTIAL_IN_LANE = 5;

/** Takes nothing until the caller lets go of `unknown`. @throws what opening the source throws */
export function startTaskIntake(needs: TaskIntakeNeeds): Promise<Intake> {
  const { lanes, open, reject, metrics, taskMetrics, log } = needs;
  const { config, worker, start } = lanes;
  const { batchSize, batchBytes, batchWait } = config.intake;
  const { batch } = worker;
  const taskQueue = workerQueue(config.temporal.taskQueue, worker.name);
  const lineOf = ({ chain }: NewTask) => (chain === undefined ? null : laneOf(chain));
  const laneOfAll = ([first]: NewTask[]) => (first === undefined ? null : lineOf(first));
  return startIntake<NewTask>({
    source: worker.name,
    open,
    read: (delivery) =>
      readTask(delivery, {
        identify: worker.identify,
        worker: worker.name,
        group: worker.from.group ?? worker.name,
        isOrdered: worker.isOrdered,
        labelOf: (id) => labelOf(id, config),
        mostBytes: 2 * batchBytes,
      }),
    bytesOf: encodedBytes,
    batch: {
      size: batch?.size ?? batchSize,
      bytes: batchBytes,
      waitMs: batch?.waitMs ?? batchWait,
      partialPerSecond:
        batch !== null ? PARTIAL_BATCHES : worker.isOrdered ? PARTIAL_IN_LANE : PARTIAL_RUNS,
    },
    ...(worker.isOrdered ? { lineOf } : {}),
    nameRun(items) {
      const lane = laneOfAll(items);
      return lane === null ? nameOfRun(worker.name, items) : laneId(taskQueue, lane);
    },
    start(id, items) {
      const isOfLane = laneOfAll(items) !== null;
      return start(isOfLane ? laneRun(lanes, id, items) : taskRun(config, worker, id, items));
    },
    reject,
    countMalformed: () => taskMetrics.tasks.inc({ worker: worker.name, outcome: 'malformed' }),
    metrics,
    log,
  });
}
