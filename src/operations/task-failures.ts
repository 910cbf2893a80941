/** Failures of the tasks of a worker, as their claims have them. */
import type { Document } from 'mongodb';
import { messageOf, ofItem } from '../claims/claims.ts';
import type { MalformedNote } from '../claims/malformed.ts';
import { goneAs } from '../claims/ungrouped.ts';
import type { Config } from '../config/schema.ts';
import { claimOfFailure, failureName } from '../domain/names.ts';
import { mayPassByItself } from '../domain/reprocessing.ts';
import { TASK_FAILURES } from '../domain/tasks.ts';
import { labelOf } from '../intake/label.ts';
import { OWN, type OwnDatabase } from '../mongo/collections.ts';
import { chunks } from '../runtime/chunks.ts';
import { callOf } from '../tasks/call-of.ts';
import { openTaskClaims } from '../tasks/claims.ts';
import type { Passed, Survey } from './failure-choice.ts';
import { filterOf, namesOf } from './failures.ts';
import type { Filters } from './failure-queue.ts';
import {
  countWaiting,
  storedFailures,
  type Failures,
  type StoredFailure,
} from './stored-failures.ts';

export function taskFailures(config: Config, own: OwnDatabase, worker: string): Failures {
  const idOf = (item: string): string => item.slice(worker.length + 1);
  return {
    kept: [OWN.taskClaims, OWN.malformed].map((name) => {
      return { collection: own.collection(name), sound: (some) => some };
    }),
    scope: { worker, 'outcome.kind': { $in: [...TASK_FAILURES] }, settledAt: { $ne: null } },
    shown: (item) => labelOf(idOf(item), config),
    isHidden: config.registration.hashIds,
    meantBy: (id): Document => {
      const named = TASK_FAILURES.flatMap((kind) => claimOfFailure(id, kind) ?? []);
      const keys = named.flatMap((key) => [key, `${worker}/${key}`]);
      return { $or: [{ _id: { $in: keys } }, ofItem(`${worker}/${id}`)] };
    },
    attemptsOf: (found) => Promise.resolve(found.map(({ attempts = 0 }) => attempts)),
  };
}

/** Which failures of a worker an operation is about. */
export interface TaskChoice {
  /** Message ids, or names of records; none for all that the rest chooses. */
  ids: readonly string[];
  filters: Filters;
  limit: number;
  /** Those redriven so often already are passed over. */
  maxRedrives: number;
  /** Epoch ms: only what was settled by then. */
  asOf: number;
  /** Only what may pass by itself, and has rested. */
  byItself?: boolean;
}

/** The chosen ones that wait, in the order in which they were settled. Those at the cap do not count towards the limit. */
export async function* chosenTasks(
  failures: Failures,
  { ids, filters, limit, maxRedrives, asOf, byItself = false }: TaskChoice,
  passed: Pick<Passed, 'atCap'>,
): AsyncGenerator<StoredFailure> {
  // Where ids are hidden, people may know no more than what stands for them.
  const isAsked = ids.length > 0 && failures.isHidden;
  const meant = ids.length === 0 || isAsked ? {} : { $or: ids.map((id) => failures.meantBy(id)) };
  const wanted = { ...filterOf({ ...filters, state: 'waiting' }, asOf), ...meant };
  let count = 0;
  if (limit <= 0) return;
  for await (const failed of storedFailures(failures, wanted)) {
    if (failed.settledAt.getTime() > asOf) continue;
    if (isAsked && !ids.some((id) => namesOf(failed, failures).includes(id))) continue;
    if (filters.reason?.matches(failed.outcome.reason ?? '') === false) continue;
    const { outcome, generation = 0 } = failed;
    if (byItself && !mayPassByItself(outcome.kind, generation, asOf - outcome.at.getTime()))
      continue;
    if (generation >= maxRedrives) {
      passed.atCap += 1;
      continue;
    }
    yield failed;
    if (++count === limit) return;
  }
}

export async function surveyTasks(failures: Failures, choice: TaskChoice): Promise<Survey> {
  const found: Survey = {
    ...{ selected: 0, byClass: {}, atCap: 0, foreign: 0 },
    waiting: await countWaiting(failures),
  };
  for await (const { outcome } of chosenTasks(failures, choice, found)) {
    found.selected += 1;
    found.byClass[outcome.kind] = (found.byClass[outcome.kind] ?? 0) + 1;
  }
  return found;
}

/** Nobody is to do them again: their messages are let go. */
export async function dropTasks(
  failures: Failures,
  own: OwnDatabase,
  choice: TaskChoice,
): Promise<{ id: string | null; class: string }[]> {
  const dropped: { id: string | null; class: string }[] = [];
  const passed = { atCap: 0 };
  const claims = openTaskClaims(own);
  for await (const some of chunks(chosenTasks(failures, choice, passed))) {
    const keys = some.map(({ _id }) => _id);
    // A redrive may have taken some meanwhile.
    const left = await claims.leave(keys, 'dropped');
    await own
      .collection<MalformedNote>(OWN.malformed)
      .updateMany({ _id: { $in: keys } }, { $set: goneAs('dropped') });
    for (const { item, outcome } of some.filter(
      ({ _id, item }) => item === undefined || left.has(_id),
    ))
      dropped.push({ id: item === undefined ? null : failures.shown(item), class: outcome.kind });
  }
  return dropped;
}

/** The messages of failures, as their claims have them: none of what was redriven or dropped. */
export async function taskMessages(failures: Failures, own: OwnDatabase, id: string) {
  const found = await Array.fromAsync(storedFailures(failures, failures.meantBy(id)));
  const claims = await openTaskClaims(own).find(found.map(({ _id }) => _id));
  return [...claims.values()].flatMap((claim) => {
    const body = messageOf(claim);
    if (body === null) return [];
    const { headers } = callOf(claim, body, { attempt: claim.attempts, isLastAttempt: true });
    const { key, outcome } = claim;
    return [{ record: failureName(claim._id, outcome?.kind ?? ''), key, headers, body }];
  });
}
