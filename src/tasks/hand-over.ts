/** Tasks go to runs: those of a key to its lane, and those that come from no intake, too. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { Config } from '../config/schema.ts';
import { isLaneId, laneId, laneOf } from '../domain/lanes.ts';
import { claimKey, workerQueue } from '../domain/names.ts';
import type { Brought } from '../domain/run-life.ts';
import type { NewTask } from '../domain/tasks.ts';
import type { Log } from '../runtime/log.ts';
import { startRun, type NewRun, type StartResult } from '../temporal/client.ts';
import { broughtTasks, hasCompleted } from '../temporal/runs.ts';
import type { TaskClaim, TaskClaims } from './claims.ts';
import { leftTask, nameOfRun, taskRun } from './run.ts';
import type { Running } from './rules.ts';

export interface LaneNeeds {
  config: Config;
  worker: Running;
  claims: Pick<TaskClaims, 'collection' | 'find'>;
  /** Whether the latest run under this id has ended by itself. */
  hasCompleted: (workflowId: string) => Promise<boolean>;
  broughtBy: (workflowId: string) => Promise<Brought<NewTask>>;
  /** @throws when Temporal cannot be asked */
  start: (run: NewRun) => Promise<StartResult>;
  log: Log;
}

export function laneNeeds({
  client,
  ...given
}: Pick<LaneNeeds, 'config' | 'worker' | 'claims' | 'log'> & { client: Client }): LaneNeeds {
  const taskQueue = workerQueue(given.config.temporal.taskQueue, given.worker.name);
  return {
    ...given,
    hasCompleted: (id) => hasCompleted(client, id),
    broughtBy: (id) => broughtTasks(client, id, isLaneId(taskQueue, id)),
    start: (run) => startRun(client, run),
  };
}

/** The run of a lane, which begins with what it has left where it died: nothing overtakes that. */
export function laneRun(needs: LaneNeeds, id: string, items: NewTask[]): NewRun {
  const { config, worker } = needs;
  const run = taskRun(config, worker, id, items);
  const [one, several] = run.nouns;
  return {
    ...{
      ...run,
      labels: [],
      nouns: [one, `${several}, ${id.slice(id.lastIndexOf('/') + 1)}`],
      isLane: true,
    },
    async left() {
      const left = await leftInLane(needs, id);
      return left.length === 0 ? null : taskRun(config, worker, id, left).input;
    },
  };
}

/**
 * What a lane that is not open has left, in its order: what was handed to it and is not claimed, and its open claims. The claims
 * have their messages, and go on where nobody can read what was handed to it.
 * @throws what the client throws when Temporal does not answer
 */
export async function leftInLane(needs: LaneNeeds, workflowId: string): Promise<NewTask[]> {
  const { config, worker, claims, log } = needs;
  if (await needs.hasCompleted(workflowId)) return [];
  const handed = await needs.broughtBy(workflowId);
  if (handed.unreadable !== undefined)
    log.warn(
      { runbook: 'encryption-key', worker: worker.name, workflowId, reason: handed.unreadable },
      'A part of what a lane was given before it died cannot be read: what it had not claimed of that is not taken up',
    );
  const open = await claims.collection
    .find({ worker: worker.name, settledAt: null, workflowId })
    .project<Omit<TaskClaim, 'message'>>({ message: 0, result: 0, outgoing: 0 })
    .sort({ claimedAt: 1, index: 1 })
    .toArray();
  const left = new Map(open.map((claim) => [claim._id, leftTask(claim, config, worker)]));
  const keyOf = ({ id, takes, failedGeneration }: NewTask): string =>
    takes ?? claimKey(`${worker.name}/${id}`, failedGeneration === null ? 0 : failedGeneration + 1);
  const known = await claims.find(handed.items.map(keyOf));
  const isUnclaimed = (task: NewTask): boolean =>
    task.takes === undefined && known.get(keyOf(task))?.bodyHash !== task.bodyHash;
  const latest = handed.items.flatMap((task) =>
    isUnclaimed(task) ? task : (left.get(keyOf(task)) ?? []),
  );
  const keys = new Set(handed.items.map(keyOf));
  // What was handed to it twice is taken up once.
  return [
    ...new Set([...[...left].flatMap(([key, task]) => (keys.has(key) ? [] : task)), ...latest]),
  ];
}

/** A lane may be full for long: whoever asked does it again later. */
const TRIES = 50;
const PAUSE_MS = 200;

/** Starts a run with these, or hands them to the lanes of their keys. Doing it again is harmless. Returns the workflow ids. */
export async function startAgain(
  needs: LaneNeeds,
  items: readonly NewTask[],
  why: string,
): Promise<string[]> {
  const { config, worker } = needs;
  const taskQueue = workerQueue(config.temporal.taskQueue, worker.name);
  const lines = Map.groupBy(items, ({ chain }) => (chain === undefined ? null : laneOf(chain)));
  const started: string[] = [];
  for (const [lane, some] of lines) {
    const run =
      lane === null
        ? taskRun(config, worker, nameOfRun(worker.name, some, why), some)
        : laneRun(needs, laneId(taskQueue, lane), some);
    await begin(needs.start, run, some.length);
    started.push(run.workflowId);
  }
  return started;
}

/** @throws Error where Temporal refuses it for its size, or its lane stays full */
export async function begin(start: LaneNeeds['start'], run: NewRun, count: number): Promise<void> {
  for (let n = 0; n < TRIES; n++) {
    const result = await start(run);
    if (result === 'started') return;
    if (result === 'too-large')
      throw new Error(`Temporal refuses a run with ${count} tasks: lower intake.batchSize`);
    await delay(PAUSE_MS);
  }
  throw new Error(`The lane ${run.workflowId} is full: it takes no more for now`);
}
