/** The intake of one worker: from its source to runs of its tasks. */
import type { OpenSource } from '../broker/source.ts';
import type { Config } from '../config/schema.ts';
import type { NewTask } from '../domain/tasks.ts';
import { startIntake, type Intake } from '../intake/intake.ts';
import { labelOf } from '../intake/label.ts';
import type { Log } from '../runtime/log.ts';
import type { Metrics } from '../runtime/metrics.ts';
import type { NewRun, StartResult } from '../temporal/client.ts';
import type { createReject } from '../intake/reject.ts';
import { nameOfRun, taskRun } from './run.ts';
import { encodedBytes, readTask } from './delivery.ts';
import type { TaskMetrics } from './metrics.ts';
import type { Running } from './rules.ts';

interface TaskIntakeNeeds {
  config: Config;
  worker: Running;
  open: OpenSource;
  reject: ReturnType<typeof createReject>;
  /** @throws when Temporal cannot be asked */
  start: (run: NewRun) => Promise<StartResult>;
  metrics: Metrics;
  taskMetrics: Pick<TaskMetrics, 'tasks'>;
  log: Log;
}

/** Batches for `handleBatch` that are not full, a second: each is a call of the handler. */
const PARTIAL_BATCHES = 100;

/** Takes nothing until the caller lets go of `unknown`. @throws what opening the source throws */
export function startTaskIntake(needs: TaskIntakeNeeds): Promise<Intake> {
  const { config, worker, open, reject, start, metrics, taskMetrics, log } = needs;
  const { batchSize, batchBytes, batchWait, partialBatchesPerSecond } = config.intake;
  const { batch } = worker;
  return startIntake<NewTask>({
    source: worker.name,
    open,
    read: (delivery) =>
      readTask(delivery, {
        identify: worker.identify,
        group: worker.from.group ?? worker.name,
        labelOf: (id) => labelOf(id, config),
        mostBytes: 2 * batchBytes,
      }),
    bytesOf: encodedBytes,
    batch: {
      size: batch?.size ?? batchSize,
      bytes: batchBytes,
      waitMs: batch?.waitMs ?? batchWait,
      partialPerSecond: batch === null ? partialBatchesPerSecond : PARTIAL_BATCHES,
    },
    nameRun: (items) => nameOfRun(worker.name, items),
    start: (id, items) => start(taskRun(config, worker, id, items)),
    reject,
    countMalformed: () => taskMetrics.tasks.inc({ worker: worker.name, outcome: 'malformed' }),
    metrics,
    log,
  });
}
