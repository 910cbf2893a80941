/**
 * A process with workers in it, which a message named "killer" ends as a whole, as the OOM killer ends a group of processes. One that is
 * named "held" never ends.
 */
import { createMetrics } from '../../src/runtime/metrics.ts';
import { silent } from '../../src/runtime/log.ts';
import type { Config } from '../../src/config/schema.ts';
import { startTaskWorkers } from '../../src/task-workers.ts';
import type { Running } from '../../src/tasks/rules.ts';
import { connectTemporal } from '../../src/temporal/client.ts';
import { callerOf } from './workers.ts';

interface Given {
  config: Config;
  worker: Running;
}
const isGiven = (value: unknown): value is Given =>
  typeof value === 'object' && value !== null && 'config' in value && 'worker' in value;

const given: unknown = JSON.parse(process.argv[2] ?? '{}');
if (!isGiven(given)) throw new Error('it is told by an argument which workers to run');
const caller = callerOf(({ id }) => {
  if (id === 'killer') process.kill(process.pid, 'SIGKILL');
  if (id.startsWith('held')) return new Promise(() => {});
  return { kind: 'done', outgoing: [] };
});
const running = await startTaskWorkers({
  config: given.config,
  workers: [{ worker: given.worker, caller }],
  queues: [],
  client: await connectTemporal(given.config),
  metrics: createMetrics(),
  log: silent,
});
await running.ended;
