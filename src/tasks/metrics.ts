/** Metrics of workers, by worker. Labels are few and closed: no ids, no reasons. */
import { Counter, Histogram, type Registry } from 'prom-client';

export type TaskMetrics = ReturnType<typeof createTaskMetrics>;

export function createTaskMetrics(registry: Registry) {
  const registers = [registry];
  const counter = <L extends string>(name: string, help: string, ...labelNames: L[]) =>
    new Counter({ name: `despachante_${name}`, help, labelNames, registers });
  return {
    tasks: counter('tasks_total', 'Tasks settled, by outcome', 'worker', 'outcome'),
    attempts: counter('task_attempts_total', 'Calls of handlers, by end', 'worker', 'end'),
    duplicates: counter('task_duplicates_total', 'Deliveries dropped: claimed already', 'worker'),
    unwritten: counter(
      'task_results_unwritten_total',
      'Tasks settled without their result in Redis, which did not take it',
      'worker',
    ),
    truncated: counter(
      'task_results_truncated_total',
      'Results larger than 64 KiB, of which the size is kept',
      'worker',
    ),
    handling: new Histogram({
      name: 'despachante_task_seconds',
      help: 'How long calls of handlers took',
      labelNames: ['worker'],
      buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300],
      registers,
    }),
  };
}

/** What handlers count themselves, by the names they give. */
export const createWorkerCounter = (registry: Registry) =>
  new Counter({
    name: 'despachante_worker_count_total',
    help: 'What handlers count themselves: metrics.increment(name)',
    labelNames: ['worker', 'name'],
    registers: [registry],
  });
