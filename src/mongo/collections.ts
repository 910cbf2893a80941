import type { Collection, Db, Document } from 'mongodb';
import { OWN_PREFIX } from '../domain/names.ts';

/** The names of our own collections, where `mongodb.ownPrefix` says nothing else. Nothing else names them. */
export const OWN = {
  /** Who has taken which registration id (claims/claims.ts). */
  claims: 'despachante_registrations_claims',
  /** What was submitted (registrations/journal.ts). */
  journal: 'despachante_registrations_journal',
  /** What can never reach its destination (claims/set-aside.ts). */
  setAside: 'despachante_registrations_set_aside',
  /** Who has taken which task, and what became of it (tasks/claims.ts). */
  taskClaims: 'despachante_tasks_claims',
  /** Deliveries that were no registrations (claims/malformed.ts). */
  malformed: 'despachante_malformed',
  /** How many failures there are of each class and reason (claims/group-store.ts). */
  failureGroups: 'despachante_failure_groups',
  /** What operators did (coordination/actions.ts). */
  actions: 'despachante_actions',
  /** What operators and processes tell one another (coordination/control.ts), and which collections are ours (ownership.ts). */
  control: 'despachante_control',
  /** Which processes there are and how they are (coordination/processes.ts). */
  processes: 'despachante_processes',
  /** How long the legacy system takes (registrations/latencies.ts). */
  latency: 'despachante_latency',
  /** How it was, minute by minute (operations/history.ts). */
  history: 'despachante_history',
  /** Runs over a list from a URL, and how they ended (etl/run/records.ts). */
  etlRuns: 'despachante_etl_runs',
  /** What schedules run (etl/run/records.ts). */
  etlSchedules: 'despachante_etl_schedules',
} as const;

export type OwnCollection = (typeof OWN)[keyof typeof OWN];

/** What holds our collections, found by the names in `OWN`. */
export interface OwnDatabase {
  collection<T extends Document = Document>(name: OwnCollection): Collection<T>;
}

/** The name of a collection of ours, with another prefix in the place of `despachante_`. */
export const ownName = (name: OwnCollection, prefix: string): string =>
  prefix + name.slice(OWN_PREFIX.length);

export const ownIn = (db: Db, prefix: string): OwnDatabase => ({
  collection: <T extends Document = Document>(name: OwnCollection) =>
    db.collection<T>(ownName(name, prefix)),
});

/** Documents expire by the time in a field; those of `only`, where it is given. */
export interface Expiry {
  field: string;
  only?: object;
}

/**
 * By which field documents expire, and which of them; those of the other collections never do. Of the journal only what is
 * decided: an undecided entry that is gone would count as never sent. Nor what has given way to a next entry that may be
 * undecided, since entries are found one after the other.
 */
export const EXPIRY = {
  [OWN.claims]: { field: 'settledAt' },
  [OWN.taskClaims]: { field: 'settledAt' },
  [OWN.malformed]: { field: 'settledAt' },
  [OWN.processes]: { field: 'beatAt' },
  [OWN.history]: { field: 'at' },
  [OWN.journal]: {
    field: 'keptFrom',
    only: { state: { $in: ['accepted', 'refused', 'abandoned'] } },
  },
} as const satisfies Partial<Record<OwnCollection, Expiry>>;
