/** Every option of a class at once. */
import { TaskWorker } from 'despachante';

export default class MyWorker extends TaskWorker {
  inputTopic = 'tasks';
  outputTopic = 'results';
  groupId = 'my-worker';

  concurrency = 4;

  maxRetries = 3;
  retryBackoff = 'exponential'; // or linear, or fixed

  batchSize = 10;
  batchTimeout = 5.0; // seconds

  dlqTopic = 'tasks-dlq';

  processBatch(messages: { n: number }[]) {
    return messages.map(({ n }) => ({ square: n * n }));
  }
}
