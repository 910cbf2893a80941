/** A redrive, in a process that runs the worker: it starts new runs with failed tasks. Nothing goes back to the source, which others may read. */
import type { Actions } from '../coordination/actions.ts';
import { claimKey } from '../domain/names.ts';
import {
  nothingFound,
  withhold,
  type Canary,
  type Pass,
  type Redriving,
  type RedriveWork,
} from '../domain/redrive-order.ts';
import type { NewTask } from '../domain/tasks.ts';
import { REDRIVE_PASS_MS } from '../domain/timing.ts';
import type { OwnDatabase } from '../mongo/collections.ts';
import { chunks } from '../runtime/chunks.ts';
import { pacer } from '../runtime/pace.ts';
import type { TaskClaims } from '../tasks/claims.ts';
import { encodedBytes } from '../tasks/delivery.ts';
import { startAgain, type LaneNeeds } from '../tasks/hand-over.ts';
import { redrivenTask } from '../tasks/run.ts';
import { outcomesOf } from './canary.ts';
import { filtersOf } from './failure-queue.ts';
import { clearLetters } from './letters.ts';
import { redriveNotes } from './redrive-notes.ts';
import { countWaiting, type StoredFailure } from './stored-failures.ts';
import { chosenTasks, taskFailures, type TaskChoice } from './task-failures.ts';

interface Needs {
  lanes: LaneNeeds;
  own: OwnDatabase;
  claims: TaskClaims;
  actions: Actions;
}

export function taskRedriveWork(needs: Needs): RedriveWork {
  const { lanes, own, claims, actions } = needs;
  const { config, worker } = lanes;
  const failures = taskFailures(config, own, worker.name);
  const notes = redriveNotes(actions, worker.name);

  return {
    begin: notes.begin,
    end: notes.end,

    async chooseCanaries(redriving, count) {
      const most = Math.min(count, redriving.order.limit ?? Infinity);
      const choice = taskChoice(redriving, Infinity);
      const canaries: Canary[] = [];
      for await (const failed of chosenTasks(failures, choice, { atCap: 0 })) {
        if (canaries.length >= most) break;
        if (isTask(failed) && !isConflict(failed)) canaries.push(await canaryOf(failed));
      }
      return canaries;
    },

    async move(redriving, only, live) {
      const { order, action } = redriving;
      const sentBefore = await notes.sentOf(action);
      const limit = only === null ? (order.limit ?? Infinity) - sentBefore : only.length;
      const pass: Pass = { isDone: false, ...nothingFound(0) };
      const wanted = only === null ? null : new Set(only);
      const keys: string[] = [];
      for await (const failed of chosenTasks(failures, taskChoice(redriving, Infinity), pass)) {
        if (keys.length >= limit) break;
        if (!isTask(failed) || wanted?.has(failed._id) === false) continue;
        if (isConflict(failed)) withhold(pass.withheld, failures.shown(failed.item ?? ''));
        else keys.push(failed._id);
      }
      const startedAt = performance.now();
      const inTurn = pacer(order.perSecond, live.signal);
      const most = Math.min(config.intake.batchSize, worker.batch?.size ?? Infinity);
      const size = Math.max(1, Math.floor(Math.min(most, order.perSecond ?? Infinity)));
      let sent = 0;
      for await (const some of chunks(keys, size)) {
        await inTurn(sent);
        pass.isDone = live.maySend() && performance.now() - startedAt < REDRIVE_PASS_MS;
        if (!pass.isDone) break;
        sent += await doAgain(some, action);
      }
      if (keys.length === 0) pass.isDone = true;
      // Also what an attempt before this one has sent, and could not clear.
      if (sentBefore + sent > 0) await clearLetters(config, worker, own, worker.name);
      pass.left = await countWaiting(failures);
      return pass;
    },

    awaitCanaries: ({ action }, canaries, until, live) =>
      outcomesOf(claims, canaries, {
        timeoutMs: Math.min(until - Date.now(), REDRIVE_PASS_MS),
        stop: live.signal,
        settled: (ended) => notes.tellCanaries(action, ended, canaries.length),
      }),
  };

  /** Started twice, its second run meets the claims of the first: they are duplicates. */
  async function doAgain(keys: string[], action: string): Promise<number> {
    const known = await claims.find(keys);
    // As they failed, so that those of a key keep their order.
    const found = keys
      .flatMap((key) => known.get(key) ?? [])
      .filter(({ message }) => message !== null);
    const tasks = found.flatMap((claim) => redrivenTask(claim, config, worker) ?? []);
    for (const items of inBytes(tasks, config.intake.batchBytes))
      await startAgain(lanes, items, 'redrive-');
    await claims.leave(
      found.map(({ _id }) => _id),
      'redriven',
    );
    await notes.addSent(action, tasks.length);
    return tasks.length;
  }

  async function canaryOf({ _id, item = '', generation = 0 }: StoredFailure): Promise<Canary> {
    const bodyHash = (await claims.find([_id])).get(_id)?.bodyHash ?? '';
    const next = claimKey(item, generation + 1);
    return { id: failures.shown(item), record: _id, bodyHash, next, again: null };
  }
}

/** A malformed message has a note here, and no bytes: its letter is all there is. */
const isTask = ({ item }: StoredFailure): boolean => item !== undefined;

/** Under its id another body was done: it would end in the same way again. */
const isConflict = ({ outcome }: StoredFailure): boolean => outcome.kind === 'id-conflict';

export function taskChoice({ order, asOf }: Omit<Redriving, 'action'>, limit: number): TaskChoice {
  const { ids, maxRedrives, byItself = false } = order;
  return { ids, filters: filtersOf(order), limit, maxRedrives, asOf, byItself };
}

function* inBytes(tasks: readonly NewTask[], most: number): Generator<NewTask[]> {
  let some: NewTask[] = [];
  let bytes = 0;
  for (const task of tasks) {
    const size = encodedBytes(task);
    if (some.length > 0 && bytes + size > most) {
      yield some;
      [some, bytes] = [[], 0];
    }
    some.push(task);
    bytes += size;
  }
  if (some.length > 0) yield some;
}
