/** Finds what dead runs of a worker have left, and starts runs that go on with it. Doing it again is harmless. */
import { againIdOf, strandedAmong, unclaimedOf, type Brought } from '../claims/left.ts';
import type { Config } from '../config/schema.ts';
import { claimKey } from '../domain/names.ts';
import type { RunLife } from '../domain/run-life.ts';
import type { NewTask } from '../domain/tasks.ts';
import { chunks } from '../runtime/chunks.ts';
import type { NewRun, StartResult } from '../temporal/client.ts';
import type { TaskClaim, TaskClaims } from './claims.ts';
import { leftTask, nameOfRun, taskRun } from './run.ts';
import type { Running } from './rules.ts';

export interface TaskSweepNeeds {
  config: Config;
  worker: Running;
  claims: Pick<TaskClaims, 'collection' | 'find'>;
  openRuns: () => Promise<ReadonlySet<string>>;
  runStates: (workflowIds: string[]) => Promise<Map<string, RunLife>>;
  endedRuns: (since: Date) => Promise<string[]>;
  broughtBy: (workflowId: string) => Promise<Brought<NewTask>>;
  start: (run: NewRun) => Promise<StartResult>;
}

/**
 * `started`: workflow ids of new runs; `unreadable`: ended runs whose input nobody can read, and why.
 * @throws what the client throws when Temporal does not answer
 */
export async function sweepTasks(needs: TaskSweepNeeds) {
  const { config, worker, claims, runStates } = needs;
  const { name } = worker;
  const open = { worker: name, settledAt: null };
  const before = new Date(Date.now() - config.sweeper.olderThan);
  const stranded = await strandedAmong(
    () =>
      claims.collection
        .find({ ...open, claimedAt: { $lte: before } })
        .project<Omit<TaskClaim, 'message'>>({ message: 0, result: 0, outgoing: 0 })
        .toArray(),
    needs,
    async (keys) => {
      const found = claims.collection.find({ ...open, _id: { $in: keys } });
      const still = found.project<Pick<TaskClaim, '_id' | 'workflowId'>>({ workflowId: 1 });
      return new Map(await Array.fromAsync(still, ({ _id, workflowId }) => [_id, workflowId]));
    },
  );
  // The claims of older runs may have expired.
  const since = new Date(Date.now() - config.mongodb.retention / 2);
  const { unclaimed, unreadable } = await unclaimedOf(
    await needs.endedRuns(since),
    runStates,
    needs.broughtBy,
    async (items) => {
      const keys = items.map(({ id }) => claimKey(`${name}/${id}`, 0));
      const found = await claims.find(keys);
      return keys.map((key) => found.get(key)?.bodyHash);
    },
  );
  const started: string[] = [];
  for await (const some of chunks(stranded, config.intake.batchSize)) {
    const items = some.map(({ claim }) => leftTask(claim, config));
    await startOne(nameOfRun(name, items, 'sweep-'), items);
  }
  for (const { workflowId, items } of unclaimed) await startOne(againIdOf(workflowId), items);
  return { started, unreadable };

  async function startOne(id: string, items: NewTask[]): Promise<void> {
    if ((await needs.start(taskRun(config, worker, id, items))) === 'too-large')
      throw new Error(`Temporal refuses a run with ${items.length} tasks: lower intake.batchSize`);
    started.push(id);
  }
}
