/** A function with the words of a decorator. */
import { worker } from 'despachante';

export default worker(
  {
    topic: 'tasks',
    group_id: 'task-processor',
    max_retries: 5,
    retry_backoff: 'exponential',
    dlq_topic: 'tasks-dlq',
  },
  async function processTask(message: { data: string }) {
    const result = await doWork(message.data);
    return { status: 'completed', result };
  },
);

const doWork = async (data: string): Promise<number> => Promise.resolve(data.length);
