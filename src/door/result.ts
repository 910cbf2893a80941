/** What became of a task. What it needs is loaded with the first call: files of workers import this, too. */
import { milliseconds, type Duration } from '../runtime/duration.ts';
import { refuseUnknown } from '../workers/check-options.ts';
import type { TaskResult } from '../workers/result.ts';
import type { Worker } from '../workers/worker.ts';

export interface ResultOptions {
  /** How long it may wait for the end of the task. */
  wait?: Duration | undefined;
}

/**
 * What became of a message that was sent to a worker: its end, its attempts and, where TASK_RESULT_BACKEND keeps it, its result.
 * @param worker or its name
 * @returns null where no such task is known, or not any more; one that is not in the hands of a worker yet is not known
 * @throws TypeError where `wait` is no duration; ConfigError; Error that names the server that cannot be reached
 */
export async function getResult<Result>(
  worker: Worker<unknown, Result>,
  id: string,
  options?: ResultOptions,
): Promise<TaskResult<Result> | null>;
export async function getResult(
  worker: string,
  id: string,
  options?: ResultOptions,
): Promise<TaskResult | null>;
export async function getResult(
  worker: string | Worker,
  id: string,
  options: ResultOptions = {},
): Promise<TaskResult | null> {
  refuseUnknown('getResult()', options, ['wait']);
  const waitMs = milliseconds(options.wait ?? '0s');
  if (Number.isNaN(waitMs))
    throw new TypeError(`getResult(): wait is a duration with its unit, such as 5s`);
  const { connected } = await import('./connected.ts');
  return connected().results.read(typeof worker === 'string' ? worker : worker.name, id, waitMs);
}
