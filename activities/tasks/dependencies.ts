import type { TaskChannels } from '../../src/tasks/channels.ts';
import type { TaskClaim, TaskClaims } from '../../src/tasks/claims.ts';
import type { TaskMetrics } from '../../src/tasks/metrics.ts';
import type { Results } from '../../src/tasks/results.ts';
import type { RunLife } from '../../src/domain/run-life.ts';
import type { Log } from '../../src/runtime/log.ts';
import type { Caller } from '../../src/workers/call.ts';
import type { Line } from './in-line.ts';
import type { RunningTasks } from './running.ts';

/** For the activities of one worker; each factory takes what it needs of it. */
export interface TaskDependencies {
  worker: string;
  /** Whether what becomes of its tasks is counted, and pushed as metrics. */
  isCounted?: boolean;
  /** Of a task that is done: whether it has had no effect, so that it is done once more where it comes again. */
  mayComeAgain?: (claim: TaskClaim) => boolean;
  /** The most messages of one call of `handleBatch`; null: each call has one. */
  batchSize: number | null;
  results: Results;
  /** This process, as runs name it. */
  process: string;
  claims: Pick<
    TaskClaims,
    | 'find'
    | 'insert'
    | 'take'
    | 'giveWay'
    | 'record'
    | 'conclude'
    | 'settled'
    | 'noteDeaths'
    | 'decided'
  >;
  caller: Caller;
  /** The calls that may run at the same time. */
  slots: Line;
  isStopping: () => boolean;
  /** Of all workers of this process. */
  running: RunningTasks;
  channels: TaskChannels;
  /** @throws when Temporal does not answer */
  runStates: (workflowIds: string[]) => Promise<Map<string, RunLife>>;
  metrics: TaskMetrics;
  log: Log;
}
