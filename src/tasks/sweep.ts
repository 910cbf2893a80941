/** Finds what dead runs of a worker have left, and starts runs that go on with it. Doing it again is harmless. */
import { againIdOf, strandedAmong, unclaimedOf } from '../claims/left.ts';
import { toBeCounted } from '../claims/ungrouped.ts';
import { isLaneId } from '../domain/lanes.ts';
import { claimKey, workerQueue } from '../domain/names.ts';
import { isDead, type RunLife } from '../domain/run-life.ts';
import { TASK_FAILURES } from '../domain/tasks.ts';
import { chunks } from '../runtime/chunks.ts';
import { errorFacts } from '../runtime/log.ts';
import { begin, laneRun, leftInLane, startAgain, type LaneNeeds } from './hand-over.ts';
import type { TaskClaim } from './claims.ts';
import { leftTask, taskRun } from './run.ts';

export interface TaskSweepNeeds extends LaneNeeds {
  openRuns: () => Promise<ReadonlySet<string>>;
  runStates: (workflowIds: string[]) => Promise<Map<string, RunLife>>;
  endedRuns: (since: Date) => Promise<string[]>;
}

/**
 * Failures that were given to a run, and that it has not claimed for so long: Temporal has lost it. They wait again; should it live
 * all the same, its claims say that they were redriven.
 */
async function takeBack({ worker, claims }: TaskSweepNeeds, before: Date): Promise<number> {
  const lost = {
    ...{ 'gone.as': 'redriven' as const, 'gone.at': { $lte: before }, message: { $ne: null } },
    ...{ 'outcome.kind': { $in: [...TASK_FAILURES] }, settledAt: { $ne: null } },
  };
  const found = await claims.collection
    .find({ worker: worker.name, ...lost })
    .project<Pick<TaskClaim, '_id' | 'item' | 'generation'>>({ item: 1, generation: 1 })
    .toArray();
  const nextOf = ({ item, generation }: (typeof found)[number]) => claimKey(item, generation + 1);
  const next = claims.collection.find({ _id: { $in: found.map(nextOf) } });
  const known = new Set(await next.map(({ _id }) => _id).toArray());
  const keys = found.flatMap((claim) => (known.has(nextOf(claim)) ? [] : claim._id));
  if (keys.length === 0) return 0;
  const again = { _id: { $in: keys }, ...lost };
  const wait = { $set: toBeCounted(), $unset: { gone: '' as const } };
  return (await claims.collection.updateMany(again, wait)).modifiedCount;
}

/**
 * `started`: workflow ids of new runs; `unreadable`: ended runs whose input nobody can read, and why; `takenBack`: failures that wait again.
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
  const isLane = (id: string): boolean =>
    isLaneId(workerQueue(config.temporal.taskQueue, name), id);
  const ended = await needs.endedRuns(since);
  const { unclaimed, unreadable } = await unclaimedOf(
    ended.filter((id) => !isLane(id)),
    runStates,
    needs.broughtBy,
    async (items) => {
      const keys = items.map(({ id }) => claimKey(`${name}/${id}`, 0));
      const found = await claims.find(keys);
      return keys.map((key) => found.get(key)?.bodyHash);
    },
  );
  const started: string[] = [];
  const holders = stranded.map(({ claim }) => claim.workflowId);
  const lanes = [...new Set([...holders, ...ended].filter(isLane))];
  const lives = await runStates(lanes);
  for (const id of lanes) {
    if (!isDead(lives.get(id) ?? 'running')) continue;
    // The others do not wait for one that cannot be begun.
    try {
      const left = await leftInLane(needs, id);
      if (left.length === 0) continue;
      await begin(needs.start, laneRun(needs, id, []), left.length);
      started.push(id);
    } catch (error) {
      needs.log.warn(
        { runbook: 'run-stands-still', worker: name, workflowId: id, ...errorFacts(error) },
        'A dead lane could not be begun anew: tried again with the next sweep',
      );
    }
  }
  const apart = stranded.filter(({ claim }) => !isLane(claim.workflowId));
  for await (const some of chunks(apart, config.intake.batchSize)) {
    const items = some.map(({ claim }) => leftTask(claim, config, worker));
    started.push(...(await startAgain(needs, items, 'sweep-')));
  }
  for (const { workflowId, items } of unclaimed) {
    const id = againIdOf(workflowId);
    await begin(needs.start, taskRun(config, worker, id, items), items.length);
    started.push(id);
  }
  return { started, unreadable, takenBack: await takeBack(needs, before) };
}
