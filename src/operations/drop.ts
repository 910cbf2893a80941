/** Records out of the failure queue for good. */
import type { Config } from '../config/schema.ts';
import type { FailureMessage, FailureQueue } from '../broker/rabbitmq/dead-letter-queue.ts';
import type { Records } from '../claims/records.ts';
import type { Store } from '../registrations/store.ts';
import { chunks } from '../runtime/chunks.ts';
import { errorFacts } from '../runtime/log.ts';
import { chosen, type Choice, type Passed } from './failure-choice.ts';
import { isOurs, matcher, shownId, withFailures, type Filters } from './failure-queue.ts';
import type { Said } from './said.ts';
import { countWaiting, type Failures } from './stored-failures.ts';
import { dropTasks, taskFailures, type TaskChoice } from './task-failures.ts';

/** Writes each down, and takes it out. @throws as takeOut */
export const drop = (
  queue: FailureQueue,
  choice: Choice,
  { config, store }: { config: Config; store: Pick<Store, 'records' | 'actions'> },
  said: Said & { on: string },
) =>
  store.actions.act(
    { ...said, what: 'failures drop' },
    () => takeOut(queue, choice, config, store.records),
    ({ dropped, left, lost }) =>
      `${dropped.length} dropped, ${left} left${lost === null ? '' : `; cut short: ${lost}. ${DOUBTFUL}`}`,
  );

/** Which failures, of a worker or of registrations. */
export interface ChosenFailures extends Filters {
  worker: string | null;
  ids: readonly string[];
  said: Said & { on: string };
}

/** Of tasks the claims count: letters that stay mean nothing any more. @throws what a neighbour throws */
export async function dropChosen(config: Config, store: Store, chosen: ChosenFailures) {
  const { worker, ids, said, ...filters } = chosen;
  if (worker !== null) {
    const choice = { ids, filters, limit: Infinity, maxRedrives: Infinity, asOf: Date.now() };
    const failures = taskFailures(config, store.own, worker);
    const dropped = await dropFailedTasks(store, failures, choice, said);
    return { dropped: dropped.length, left: await countWaiting(failures) };
  }
  const choice = {
    matches: matcher(ids, filters, config),
    isOurs: (failure: FailureMessage) => isOurs(failure, config),
    ...{ limit: Infinity, maxRedrives: Infinity },
  };
  const { dropped, left, lost } = await withFailures(config, (queue) =>
    drop(queue, choice, { config, store }, said),
  );
  if (lost !== null) throw new Error(`Cut short: ${lost}. ${DOUBTFUL}`);
  return { dropped: dropped.length, left };
}

/** Writes it down, too. */
export const dropFailedTasks = (
  { own, actions }: Pick<Store, 'own' | 'actions'>,
  failures: Failures,
  choice: TaskChoice,
  said: Said & { on: string },
) =>
  actions.act(
    { ...said, what: 'failures drop' },
    () => dropTasks(failures, own, choice),
    (all) => `${all.length} dropped`,
  );

/** For whoever reads that it was cut short. */
export const DOUBTFUL =
  'The last of those dropped may be in the queue still: "failures compare" finds them and writes it down';

/** Records that are noted, and then taken out, at a time. */
const AT_ONCE = 500;

/**
 * @param records are told what is dropped, so that the audit can tell it from what others took. First: a record that is gone
 * and not noted would count as taken by others. The note on a record that stays is taken back.
 * @throws what `records` throw; the records that were to be noted are not taken out
 */
export async function takeOut(
  queue: FailureQueue,
  choice: Choice,
  config: Config,
  records: Records,
) {
  const passed: Passed = { atCap: 0, foreign: 0 };
  const dropped: { id: string | null; class: string | null }[] = [];
  try {
    for await (const taken of chunks(chosen(queue, choice, passed), AT_ONCE)) {
      // With --foreign those of others, too: a note of ours may have the name of theirs.
      const ours = new Set(taken.filter((failure) => isOurs(failure, config)));
      await records.left([...ours], 'dropped');
      for (const failure of taken) {
        if (!queue.ack(failure)) continue;
        ours.delete(failure);
        dropped.push({ id: shownId(failure, config), class: failure.failureClass });
      }
      await records.back([...ours]);
    }
  } catch (error) {
    if (!queue.gone.aborted) throw error;
  }
  const lost = queue.gone.aborted ? errorFacts(queue.gone.reason).error : null;
  return { dropped, left: queue.depth - dropped.length, foreign: passed.foreign, lost };
}
