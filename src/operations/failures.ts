/** Failures as the claims have them: nobody looks into a queue for them, where each look counts as a delivery. */
import type { Document } from 'mongodb';
import type { GoneAs } from '../claims/claims.ts';
import { failureName } from '../domain/names.ts';
import type { Filters } from './failure-queue.ts';
import {
  WAITING,
  countWaiting,
  storedFailures,
  type Failures,
  type StoredFailure,
} from './stored-failures.ts';

/** `waiting`: nobody has redriven or dropped it, as far as is known. */
export type FailureState = 'waiting' | GoneAs;

export interface Wanted extends Filters {
  state: FailureState;
  /** No more are read; null for all. */
  limit: number | null;
  /** So many are told one by one. */
  told: number;
}

export type FailureList = Awaited<ReturnType<typeof listFailures>>;

/**
 * `waiting`: all that wait, as far as is known. Of those that match: `groups` by class and reason, the largest
 * first; `failures`, the first, oldest first; `finishedLater`, how many the legacy system finished after they had timed out.
 */
export async function listFailures(failures: Failures, wanted: Wanted) {
  const groups = new Map<string, ReturnType<typeof firstOfGroup>>();
  const told: StoredFailure[] = [];
  let [matching, finishedLater] = [0, 0];
  for await (const failed of storedFailures(failures, filterOf(wanted))) {
    if (wanted.reason?.matches(failed.outcome.reason ?? '') === false) continue;
    matching += 1;
    const { kind, reason, at } = failed.outcome;
    const key = JSON.stringify([kind, reason]);
    const group = groups.get(key) ?? firstOfGroup(failed);
    group.count += 1;
    if (at < group.firstSeen) group.firstSeen = at;
    if (at > group.lastSeen) group.lastSeen = at;
    groups.set(key, group);
    if (failed.lateResult !== undefined) finishedLater += 1;
    if (told.length < wanted.told) told.push(failed);
    if (matching === wanted.limit) break;
  }
  return {
    waiting: await countWaiting(failures),
    matching,
    groups: [...groups.values()].sort((a, b) => b.count - a.count),
    failures: await factsOf(failures, told),
    finishedLater,
  };
}

/** A part of a list. `last`: where it goes on; null where there is no more. */
export async function pageOfFailures(failures: Failures, filter: Document, limit: number) {
  const some: StoredFailure[] = [];
  for await (const failed of storedFailures(failures, filter)) {
    some.push(failed);
    if (some.length > limit) break;
  }
  const shown = some.slice(0, limit);
  return {
    found: await factsOf(failures, shown),
    last: some.length > limit ? (shown.at(-1) ?? null) : null,
  };
}

/** By id, by the name of a record, or by the hash that stands for the id in both; oldest first. */
export async function findFailures(failures: Failures, id: string) {
  const found = await Array.fromAsync(storedFailures(failures, failures.meantBy(id)));
  if (found.length > 0 || !failures.isHidden) return factsOf(failures, found);
  const byLabel: StoredFailure[] = [];
  for await (const failed of storedFailures(failures, {})) {
    if (namesOf(failed, failures).includes(id)) byLabel.push(failed);
  }
  return factsOf(failures, byLabel);
}

/** How many match and are called so where they are shown, by class. */
export async function countShown(failures: Failures, filter: Document, names: readonly string[]) {
  const byClass: Record<string, number> = {};
  let selected = 0;
  for await (const failed of storedFailures(failures, filter)) {
    if (!namesOf(failed, failures).some((name) => name !== null && names.includes(name))) continue;
    selected += 1;
    byClass[failed.outcome.kind] = (byClass[failed.outcome.kind] ?? 0) + 1;
  }
  return { selected, byClass };
}

const firstOfGroup = ({ outcome: { kind, reason, at } }: StoredFailure) => {
  return { class: kind, reason, count: 0, firstSeen: at, lastSeen: at };
};

/** Older and newer than anything is only what has an age. The reason is matched by the caller. */
export function filterOf(
  { class: only, group, olderThan, newerThan, state }: Omit<Wanted, 'limit' | 'told'>,
  now = Date.now(),
): Document {
  const age = {
    ...(olderThan === undefined ? {} : { $lte: new Date(now - olderThan) }),
    ...(newerThan === undefined ? {} : { $gt: new Date(now - newerThan) }),
  };
  return {
    ...(only === undefined ? {} : { 'outcome.kind': only }),
    ...(group === undefined ? {} : { 'outcome.group': group }),
    ...(Object.keys(age).length === 0 ? {} : { 'outcome.at': age }),
    ...(state === 'waiting' ? WAITING : { 'gone.as': state }),
  };
}

export type Failure = Awaited<ReturnType<typeof factsOf>>[number];

/** @param found those that are told */
async function factsOf(failures: Failures, found: readonly StoredFailure[]) {
  const attempts = await failures.attemptsOf(found);
  return found.map((failed, n) => {
    const { kind, reason, at, requestId = null, class: error = null } = failed.outcome;
    const state: FailureState = failed.gone?.as ?? 'waiting';
    return {
      /** As it may be shown; null for what was no item. */
      id: shownId(failed, failures),
      class: kind,
      reason,
      at,
      attempts: attempts[n] ?? 0,
      /** How often it had been redriven before. */
      generation: failed.generation ?? 0,
      requestId,
      /** The worker's own word for it. */
      error,
      /** The name of its record, as it may be shown. */
      record: recordOf(failed, failures),
      state,
      /** Since when it does not wait. */
      goneAt: failed.gone?.at ?? null,
      late: failed.lateResult ?? null,
      /** Null for what no run has had. */
      workflowId: failed.workflowId ?? null,
    };
  });
}

/** As they may be shown. */
export const namesOf = (failed: StoredFailure, failures: Failures): (string | null)[] => [
  shownId(failed, failures),
  recordOf(failed, failures),
];

const shownId = ({ item }: StoredFailure, failures: Failures): string | null =>
  item === undefined ? null : failures.shown(item);

function recordOf({ _id, item, outcome }: StoredFailure, { shown }: Failures): string {
  const name = failureName(_id, outcome.kind);
  return item === undefined ? name : name.replaceAll(item, shown(item));
}
