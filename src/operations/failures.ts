/** Failures as the claims have them: nobody looks into the queue for them, where each look counts as a delivery. */
import { ofItem, type GoneAs } from '../claims/claims.ts';
import type { Config } from '../config/schema.ts';
import { claimOfFailure, failureName } from '../domain/names.ts';
import { plainId } from '../domain/registrations/id-type.ts';
import { FAILURE_CLASSES } from '../domain/registrations/outcome.ts';
import { attemptsOf } from '../registrations/journal.ts';
import { labelOf } from '../intake/label.ts';
import type { Store } from '../registrations/store.ts';
import type { Filters } from './failure-queue.ts';
import { WAITING, countWaiting, storedFailures, type StoredFailure } from './stored-failures.ts';

/** `waiting`: its record is in the failure queue, as far as is known. */
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
 * `waiting`: all whose record is in the queue, as far as is known. Of those that match: `groups` by class and reason, the largest
 * first; `failures`, the first, oldest first; `finishedLater`, how many the legacy system finished after they had timed out.
 */
export async function listFailures(config: Config, store: Store, wanted: Wanted) {
  const groups = new Map<string, ReturnType<typeof firstOfGroup>>();
  const told: StoredFailure[] = [];
  let [matching, finishedLater] = [0, 0];
  for await (const failed of storedFailures(store, filterOf(wanted))) {
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
    waiting: await countWaiting(store),
    matching,
    groups: [...groups.values()].sort((a, b) => b.count - a.count),
    failures: await factsOf(config, store, told),
    finishedLater,
  };
}

/** By registration id, by the name of a record, or by the hash that stands for the id in both; oldest first. */
export async function findFailures(config: Config, store: Store, id: string) {
  const named = FAILURE_CLASSES.flatMap((kind) => claimOfFailure(id, kind) ?? []);
  const wanted = { $or: [{ _id: { $in: named } }, ofItem(plainId(id, config.mongodb.matchType))] };
  const found = await Array.fromAsync(storedFailures(store, wanted));
  if (found.length > 0 || !config.registration.hashIds) return factsOf(config, store, found);
  const byLabel: StoredFailure[] = [];
  for await (const failed of storedFailures(store, {})) {
    const isMeant = [labelIn(failed, config), recordOf(failed, config)].includes(id);
    if (isMeant) byLabel.push(failed);
  }
  return factsOf(config, store, byLabel);
}

const firstOfGroup = ({ outcome: { kind, reason, at } }: StoredFailure) => {
  return { class: kind, reason, count: 0, firstSeen: at, lastSeen: at };
};

/** Older and newer than anything is only what has an age. */
function filterOf({ class: only, olderThan, newerThan, state }: Wanted): object {
  const now = Date.now();
  const age = {
    ...(olderThan === undefined ? {} : { $lte: new Date(now - olderThan) }),
    ...(newerThan === undefined ? {} : { $gt: new Date(now - newerThan) }),
  };
  return {
    ...(only === undefined ? {} : { 'outcome.kind': only }),
    ...(Object.keys(age).length === 0 ? {} : { 'outcome.at': age }),
    ...(state === 'waiting' ? WAITING : { 'gone.as': state }),
  };
}

export type Failure = Awaited<ReturnType<typeof factsOf>>[number];

/** @param found those that are told: their journal entries are read for the attempts */
async function factsOf(config: Config, { journal }: Store, found: readonly StoredFailure[]) {
  const entries = await journal.read(found.flatMap(({ outcome }) => outcome.entry ?? []));
  return found.map((failed) => {
    const { kind, reason, at, requestId = null, entry } = failed.outcome;
    const state: FailureState = failed.gone?.as ?? 'waiting';
    return {
      /** As it may be shown; null for what was no registration. */
      id: labelIn(failed, config),
      class: kind,
      reason,
      at,
      attempts: entry === undefined ? 0 : attemptsOf(entry, entries.get(entry)),
      /** How often it had been redriven before. */
      generation: failed.generation ?? 0,
      requestId,
      /** The name of its record, as it may be shown. */
      record: recordOf(failed, config),
      state,
      /** Since when it is not in the queue. */
      goneAt: failed.gone?.at ?? null,
      late: failed.lateResult ?? null,
      /** Null for what no run has had. */
      workflowId: failed.workflowId ?? null,
    };
  });
}

const labelIn = ({ item }: StoredFailure, config: Config): string | null =>
  item === undefined ? null : labelOf(item, config);

function recordOf({ _id, item, outcome }: StoredFailure, config: Config): string {
  const name = failureName(_id, outcome.kind);
  return item === undefined ? name : name.replaceAll(item, labelOf(item, config));
}
