/** The same handler twice: one catches its permanent error and counts as done, the other lets it go and becomes a dead letter. */
import { defineWorker, kafka, PermanentError, TemporaryError } from 'despachante';
import { z } from 'zod';

const Task = z.object({ data: z.string() });

async function doWork({ data }: z.infer<typeof Task>) {
  if (data === 'away') throw new TemporaryError('the other side is away', { retryAfter: '30s' });
  if (data === 'wrong') throw new PermanentError('there is no such customer');
  return Promise.resolve({ done: data });
}

/** To return is to be done: nobody finds this message among the dead letters, and `onError` is never called. */
export const catching = defineWorker({
  name: 'CatchingWorker',
  from: kafka('tasks', { group: 'catching' }),
  deadLetters: 'tasks-dlq',
  message: Task,
  async handle(message, { log }) {
    try {
      return await doWork(message);
    } catch (error) {
      if (!(error instanceof PermanentError)) throw error;
      log.error('A permanent error', { error: error.message });
      return { error: error.message };
    }
  },
});

/** The error says it all: a `PermanentError` ends the task at once, and a `TemporaryError` brings the next attempt. */
export const letting = defineWorker({
  name: 'LettingWorker',
  from: kafka('tasks', { group: 'letting' }),
  deadLetters: 'tasks-dlq',
  message: Task,
  handle: doWork,
  onError(_message, error, { log }) {
    log.error('A task has failed for good', { error: error.message });
  },
});
