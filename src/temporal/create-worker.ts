/** A worker of Temporal's: polls one task queue for activities, and for workflows where it has them. */
import { readFile } from 'node:fs/promises';
import { setFlagsFromString } from 'node:v8';
import { Worker, type NativeConnection, type WorkerOptions } from '@temporalio/worker';
import type { Config } from '../config/schema.ts';
import { BEAT_TOLD_MS } from '../domain/timing.ts';
import { ENCRYPTED_WORKFLOW_BUNDLE, WORKFLOW_BUNDLE } from './bundle-workflows.ts';
import { dataConverterOf } from './data-converter.ts';

interface Needs extends Pick<
  WorkerOptions,
  'maxConcurrentActivityTaskExecutions' | 'maxConcurrentActivityTaskPolls' | 'shutdownForceTime'
> {
  connection: NativeConnection;
  taskQueue: string;
  activities: object;
  /** Threads for workflow code; 0: it takes activities alone. */
  workflowThreads: number;
}

export async function createTemporalWorker(config: Config, needs: Needs): Promise<Worker> {
  const { workflowThreads, ...options } = needs;
  const dataConverter = dataConverterOf(config);
  const bundle =
    dataConverter.failureConverterPath === undefined ? WORKFLOW_BUNDLE : ENCRYPTED_WORKFLOW_BUNDLE;
  const workflows =
    workflowThreads === 0
      ? {}
      : {
          workflowBundle: { code: await readFile(bundle, 'utf8') },
          maxCachedWorkflows: config.worker.maxCachedWorkflows,
          workflowThreadPoolSize: workflowThreads,
          // Each waits for its local activity. With the default of 40, those of others leave the sticky queue and are replayed whole.
          maxConcurrentWorkflowTaskExecutions: 400,
          // A dead worker's sticky queue is waited for this long; the default costs each of its runs 10 s.
          stickyQueueScheduleToStartTimeout: '1s' as const,
        };
  const stackFrames = Error.stackTraceLimit;
  // Taken over by the contexts that workflow code runs in, which Worker.create makes: the SDK captures and maps a stack
  // for every promise there (docs/decisions/0010-no-workflow-stacks.md).
  setFlagsFromString('--stack-trace-limit=0');
  return Worker.create({
    ...options,
    ...workflows,
    namespace: config.temporal.namespace,
    dataConverter,
    maxHeartbeatThrottleInterval: BEAT_TOLD_MS,
    shutdownGraceTime: config.worker.shutdownGrace,
  }).finally(() => setFlagsFromString(`--stack-trace-limit=${stackFrames}`));
}
