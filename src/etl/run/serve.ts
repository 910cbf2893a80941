/** Runs lists of schedules that are this machine's, one after the other or side by side, each in a process of its own. */
import { createScheduledEtl } from '../../../activities/operations/etl.ts';
import type { Config } from '../../config/schema.ts';
import { etlQueue, etlScheduleOf } from '../../domain/etl-order.ts';
import { openDatabase } from '../../mongo/own-database.ts';
import type { Log } from '../../runtime/log.ts';
import { createTemporalWorker } from '../../temporal/create-worker.ts';
import { connectNative } from '../../temporal/native-connection.ts';
import { openEtlSchedules } from './records.ts';

const AT_ONCE = 10;
/** Longer than a run takes to stop. */
const FORCE_MS = 120_000;

/** @throws Error that names the neighbour that cannot be reached */
export async function serveEtl({ config, host, log }: { config: Config; host: string; log: Log }) {
  const stopping = new AbortController();
  const { taskQueue } = config.temporal;
  const mongo = await openDatabase(config, 'reader');
  const schedules = openEtlSchedules(mongo.own, config);
  const connection = await connectNative(config, log);
  const worker = await createTemporalWorker(config, {
    connection,
    taskQueue: etlQueue(taskQueue, host),
    activities: createScheduledEtl({
      stopping: stopping.signal,
      orderOf: (workflowId) => schedules.find(etlScheduleOf(taskQueue, workflowId)),
    }),
    maxConcurrentActivityTaskExecutions: AT_ONCE,
    workflowThreads: 1,
    shutdownForceTime: FORCE_MS,
  });
  const ended = worker.run();
  return {
    ended,
    isReady: () => worker.getState() === 'RUNNING',
    /** Runs are told to stop, and go on when this is started again. */
    async stop(): Promise<void> {
      stopping.abort(new Error('stopping'));
      if (worker.getState() === 'RUNNING') worker.shutdown();
      await Promise.allSettled([ended]);
      await connection.close();
      await mongo.close();
    },
  };
}
