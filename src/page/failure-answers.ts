/** Failures one by one, and how many there are of a kind. */
import { randomUUID } from 'node:crypto';
import type { Document } from 'mongodb';
import type { Config } from '../config/schema.ts';
import { groupOf } from '../domain/failure-group.ts';
import { REGISTRATIONS } from '../domain/names.ts';
import { failuresOf } from '../operations/failures-of.ts';
import { countShown, filterOf, pageOfFailures, type Failure } from '../operations/failures.ts';
import {
  behind,
  countFailures,
  type Failures,
  type StoredFailure,
} from '../operations/stored-failures.ts';
import type { Store } from '../registrations/store.ts';
import type { Made } from './kinds.ts';
import { Problem } from './problem.ts';
import type { countRequest, failure, failures, failuresQuery } from './schemas.ts';
import type { Who } from './sessions.ts';

export type Chosen = Made<typeof countRequest>;

/** null for registrations, as operations have it. */
export const workerOf = (flow: string): string | null => (flow === REGISTRATIONS ? null : flow);

export const failuresIn = (config: Config, store: Store, flow: string): Failures =>
  failuresOf(config, store, workerOf(flow) ?? undefined);

/** A class and a group, where they are given. */
export const filtersOf = ({
  class: kind,
  group,
}: Readonly<Record<'class' | 'group', unknown>>) => ({
  ...(typeof kind === 'string' ? { class: kind } : {}),
  ...(typeof group === 'string' ? { group } : {}),
});

/** Of those that wait. */
export const filterOfChosen = (
  { ids, ...chosen }: Pick<Chosen, 'class' | 'group' | 'ids'>,
  all: Failures,
): Document => ({
  ...filterOf({ state: 'waiting', ...filtersOf(chosen) }),
  ...(ids.length === 0 ? {} : { $and: [{ $or: ids.map((id) => all.meantBy(id)) }] }),
});

export function countChosen(config: Config, store: Store, chosen: Chosen) {
  const all = failuresIn(config, store, chosen.flow);
  const { ids } = chosen;
  // Where ids are hidden, people may know no more than what stands for them.
  return all.isHidden && ids.length > 0
    ? countShown(all, filterOfChosen({ ...chosen, ids: [] }, all), ids)
    : countFailures(all, filterOfChosen(chosen, all));
}

/** @throws Problem where there is more than a tenth more, or less, than was expected */
export async function requireExpected(
  config: Config,
  store: Store,
  chosen: Chosen & { expectedCount: number },
): Promise<number> {
  const { selected } = await countChosen(config, store, chosen);
  const { expectedCount } = chosen;
  if (Math.abs(selected - expectedCount) > Math.max(expectedCount, selected) / 10)
    throw new Problem(409, `There are ${selected} by now, and not ${expectedCount}: look again`);
  if (selected === 0) throw new Problem(404, 'None of these failures waits any more');
  return selected;
}

/** @throws Problem where none of them can be redriven: what was no task has left us no message */
export async function requireMessages(config: Config, store: Store, chosen: Chosen): Promise<void> {
  if (workerOf(chosen.flow) === null) return;
  const all = failuresIn(config, store, chosen.flow);
  const which = filterOfChosen(all.isHidden ? { ...chosen, ids: [] } : chosen, all);
  const { selected } = await countFailures(all, { ...which, item: { $exists: true } });
  if (selected === 0)
    throw new Problem(
      422,
      'These messages were no tasks, and only their dead letters have them: mend and publish them again, or drop them',
    );
}

const MOST_CURSORS = 1_000;
type Place = Pick<StoredFailure, 'settledAt' | '_id'>;

/** Where a list goes on is kept here: a key may hold an id that is not to be shown. */
export function createFailurePages(config: Config) {
  const places = new Map<string, Place>();
  const keep = (place: Place): string => {
    const [oldest] = places.keys();
    if (places.size >= MOST_CURSORS && oldest !== undefined) places.delete(oldest);
    const cursor = randomUUID();
    places.set(cursor, place);
    return cursor;
  };
  return async (
    store: Store,
    query: Made<typeof failuresQuery>,
    { role }: Pick<Who, 'role'>,
  ): Promise<Made<typeof failures>> => {
    const { flow, cursor, limit, state, ...asked } = query;
    const place = cursor === undefined ? null : places.get(cursor);
    if (place === undefined) throw new Problem(404, 'This cursor is too old: begin the list anew');
    const all = failuresIn(config, store, flow);
    const filter = {
      ...filterOf({ state, ...filtersOf({ class: asked.class, group: asked.group }) }),
      ...(place === null ? {} : { $and: [behind(place)] }),
    };
    const { found, last } = await pageOfFailures(all, filter, limit);
    return {
      failures: found.map((each) => factsOf(each, flow, role === 'operator')),
      next: last === null ? null : keep(last),
    };
  };
}

/** A viewer is not shown the words of a legacy system as they are: they may name people. */
function factsOf(each: Failure, flow: string, isOperator: boolean): Made<typeof failure> {
  const { reason, id, requestId } = each;
  const folded = groupOf(reason, id === null ? null : `${id}~0`, requestId);
  return { ...each, flow, reason: reason === null || isOperator ? reason : folded };
}
