// Workers. Times are whole seconds, and the names are those of the task framework that the users come from, in the environment as well (TASK_ENABLED …).
import { z } from 'zod';
import { flag, name, text, whole, word } from './values.ts';

/** What is null is left to the worker: its code, else its queue in queues.yaml, else the default there. */
export const tasks = z.strictObject({
  enabled: flag().prefault(false),
  folder: text('a folder', 500).prefault('workers'),
  defaultQueue: name('a queue').prefault('default'),
  defaultRetry: whole(0, 1_000).nullable().prefault(null),
  defaultRetryDelay: whole(0, 86_400).nullable().prefault(null),
  retryBackoff: flag().nullable().prefault(null),
  defaultTimeout: whole(1, 7 * 86_400)
    .nullable()
    .prefault(null),
  workerConcurrency: whole(1, 1_000).nullable().prefault(null),
  resultBackend: word(['none', 'redis', 'database']).prefault('none'),
});

/** The variables that set them. */
export const TASK_VARIABLES: Readonly<Record<string, string>> = {
  TASK_ENABLED: 'tasks.enabled',
  TASK_DEFAULT_QUEUE: 'tasks.defaultQueue',
  TASK_DEFAULT_RETRY: 'tasks.defaultRetry',
  TASK_DEFAULT_RETRY_DELAY: 'tasks.defaultRetryDelay',
  TASK_RETRY_BACKOFF: 'tasks.retryBackoff',
  TASK_DEFAULT_TIMEOUT: 'tasks.defaultTimeout',
  TASK_WORKER_CONCURRENCY: 'tasks.workerConcurrency',
  TASK_RESULT_BACKEND: 'tasks.resultBackend',
};
