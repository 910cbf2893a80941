/** A thread of the handler process: ends it, and the processes that it started, when the parent is gone. */
import { workerData } from 'node:worker_threads';

const EACH_MS = 500;

setInterval(() => {
  if (process.ppid !== workerData) process.kill(-process.pid, 'SIGKILL');
}, EACH_MS);
