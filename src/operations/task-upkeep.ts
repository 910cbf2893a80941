/** Beside running a worker, a process takes up the tasks of dead runs, has failures done again that may pass by themselves, and forgets. */
import type { Client } from '@temporalio/client';
import type { Config } from '../config/schema.ts';
import type { Actions } from '../coordination/actions.ts';
import type { ControlStore } from '../coordination/control.ts';
import { TASKS_TYPE, workerQueue } from '../domain/names.ts';
import type { RedriveOrder, RedriveReport } from '../domain/redrive-order.ts';
import { REDRIVEN_EACH_MS } from '../domain/reprocessing.ts';
import { RECORDED_MS } from '../domain/timing.ts';
import type { OwnDatabase } from '../mongo/collections.ts';
import { every } from '../runtime/every.ts';
import type { Log } from '../runtime/log.ts';
import type { TaskClaims } from '../tasks/claims.ts';
import { laneNeeds } from '../tasks/hand-over.ts';
import { sweepTasks, type TaskSweepNeeds } from '../tasks/sweep.ts';
import type { Running } from '../tasks/rules.ts';
import { endedRuns, openRuns, runStates } from '../temporal/runs.ts';
import { beginRedrive } from './redrive.ts';
import { redriveWord } from './redrive-notes.ts';
import { surveyTasks, taskFailures } from './task-failures.ts';
import { taskChoice } from './task-redrive.ts';

interface Needs {
  config: Config;
  worker: Running;
  client: Client;
  own: OwnDatabase;
  claims: TaskClaims;
  actions: Actions;
  control: ControlStore;
  log: Log;
}

/** On the real Temporal. */
export function taskSweepNeeds(
  needs: Pick<Needs, 'config' | 'worker' | 'client' | 'claims' | 'log'>,
) {
  const { config, worker, client, claims, log } = needs;
  const taskQueue = workerQueue(config.temporal.taskQueue, worker.name);
  return {
    ...laneNeeds({ config, worker, client, claims, log }),
    openRuns: () => openRuns(client, TASKS_TYPE, taskQueue),
    runStates: (ids) => runStates(client, ids),
    endedRuns: (since) => endedRuns(client, TASKS_TYPE, taskQueue, since),
  } satisfies TaskSweepNeeds;
}

/** Failures that may pass by themselves: a few first, and the others when those are done. */
const BY_ITSELF: RedriveOrder = {
  ...{ ids: [], class: null, reason: null, olderThan: null, newerThan: null, limit: null },
  ...{ maxRedrives: 3, foreign: false, perSecond: null, byItself: true },
  canary: { count: 3, timeoutMs: REDRIVEN_EACH_MS },
};

/** The rest after eight in vain is longer than a day. */
const IN_VAIN = 8;

/** By what is written down, for all processes: each try in vain costs a letter one of three, and so the rest doubles. */
async function hasRested(actions: Actions, worker: string): Promise<boolean> {
  const latest = await actions.latestOf(redriveWord(worker), IN_VAIN);
  const ended = latest.findIndex(({ result }) => result?.isStoppedByCanaries !== true);
  const inVain = ended < 0 ? latest.length : ended;
  const rest = Math.min(2 ** inVain * REDRIVEN_EACH_MS, DAY_MS);
  const [last] = latest;
  const since = (last?.result?.at ?? last?.at)?.getTime() ?? -Infinity;
  return Date.now() > since + rest - REDRIVEN_EACH_MS / 2;
}

/**
 * Begins to have dead letters done again that may pass by themselves. Null where there are none, another redrive runs, or the rest
 * after the last one is not over.
 */
export async function redriveByItself(needs: Needs) {
  const { config, worker, own, client, actions, control } = needs;
  if (!(await hasRested(actions, worker.name))) return null;
  const order = BY_ITSELF;
  const failures = taskFailures(config, own, worker.name);
  const choice = taskChoice({ order, asOf: Date.now() }, 1);
  if ((await surveyTasks(failures, choice)).selected === 0) return null;
  const said = { by: 'despachante', reason: WHY, on: `tasks of ${worker.name}` };
  const begun = await beginRedrive(
    { config, client, store: { actions, control }, worker: worker.name },
    { order, said, carried: null },
  );
  return begun.kind === 'begun' ? begun : null;
}

/** Whoever writes down the end of a call has done so by then, or has seen that it is written. */
const READ_MS = 2 * RECORDED_MS;
const DAY_MS = 24 * 3_600_000;

/** How long more is kept of a task that is done than what keeps duplicates out. Null: for as long as that. */
export function storyMs(
  { ops, tasks }: Config,
  { from, keep }: Pick<Running, 'from' | 'keep'>,
): number | null {
  // Of files and lists it is said by the claims what is to become of them.
  if (from.broker === 'folder' || from.broker === 'url') return null;
  const mostMs = ops.taskRetentionDays * DAY_MS;
  if (ops.taskPersist) return mostMs;
  const isRead = tasks.resultBackend === 'database';
  return Math.max(READ_MS, isRead ? Math.min(keep.resultMs, mostMs) : 0);
}

const WHY = 'what may pass by itself is tried again every ten minutes';
const FORGET_EACH_MS = 60_000;

/**
 * Lets go of what is kept no longer, again and again: from the oldest claims on, since nobody may have been here for long, and at most
 * a day of them at once.
 */
export function forgetting(
  { config, worker: { name }, claims }: Pick<Needs, 'config' | 'worker' | 'claims'>,
  keptMs: number,
): () => Promise<void> {
  let forgotten = Date.now() - config.mongodb.retention;
  return async () => {
    const until = Math.min(Date.now() - keptMs, forgotten + DAY_MS);
    await claims.forget({
      settledAt: { $gt: new Date(forgotten - READ_MS), $lte: new Date(until) },
      // The store of our tests takes the index of open claims where the worker stands beside that.
      $expr: { $eq: ['$worker', { $literal: name }] },
    });
    forgotten = until;
  };
}

/** Goes on until it is closed. */
export function keepUp(needs: Needs) {
  const { config, worker, log } = needs;
  const { name } = worker;
  const facts = { worker: name };
  const sweep = async (): Promise<void> => {
    const { started, unreadable, takenBack } = await sweepTasks(taskSweepNeeds(needs));
    for (const [workflowId, reason] of unreadable)
      log.warn(
        { runbook: 'encryption-key', ...facts, workflowId, reason },
        'The messages of an ended run cannot be read: those that it had not claimed are not taken up',
      );
    if (takenBack > 0)
      log.warn(
        { runbook: 'handlers-fail', ...facts, takenBack },
        'Failures that were redriven wait again: Temporal has lost their runs before they were claimed',
      );
    if (started.length > 0)
      log.info({ ...facts, started }, 'Runs were started for tasks that dead runs had left');
  };
  const redrive = async (): Promise<void> => {
    const begun = await redriveByItself(needs);
    // It goes on without this process, and is not waited for.
    begun?.report.then(tell, () => {});
  };
  const tell = ({ sent, canary }: RedriveReport): void => {
    const isStopped = canary?.passed === false;
    log.info({ ...facts, sent, isStopped }, 'Dead letters were redriven');
  };
  const keptMs = storyMs(config, worker);
  const all = [
    ...(keptMs === null
      ? []
      : [
          every(FORGET_EACH_MS, forgetting(needs, keptMs), log, {
            runbook: 'mongodb-away',
            failed: `The results and times of done tasks of ${name} cannot be removed: MongoDB does not answer`,
            again: `The results and times of done tasks of ${name} are removed again`,
          }),
        ]),
    ...(config.sweeper.enabled
      ? [
          every(config.sweeper.every, sweep, log, {
            runbook: 'temporal-away',
            failed: `Tasks of ${name} that dead runs have left are not looked for: Temporal or MongoDB does not answer`,
            again: `Tasks of ${name} that dead runs have left are looked for again`,
          }),
        ]
      : []),
    ...(worker.redrivesByItself
      ? [
          every(REDRIVEN_EACH_MS, redrive, log, {
            runbook: 'temporal-away',
            failed: `Dead letters of ${name} are not redriven: Temporal or MongoDB does not answer`,
            again: `Dead letters of ${name} are redriven again`,
          }),
        ]
      : []),
  ];
  return { close: () => Promise.all(all.map((each) => each.close())) };
}
