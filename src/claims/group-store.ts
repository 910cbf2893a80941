/**
 * Counts of failures by group, as they stand in MongoDB. They are derived: whoever writes a failure marks it in the same write
 * (ungrouped.ts), and some process counts it later.
 *
 * All changes are commits, one after the other: one statement writes down the number of a commit, and all that it changes as it
 * is to be afterwards; then it is done. A process that dies in between leaves it to the next, which does it again. What was done already
 * knows the number of its commit, and stays as it is. So nothing counts twice, and whoever stood still and goes on changes nothing.
 */
import type { FailureFacts, GroupCount } from '../domain/failure-count.ts';
import { FAILURE_CLASSES } from '../domain/registrations/outcome.ts';
import { TASK_FAILURES } from '../domain/tasks.ts';
import { insertNew } from '../mongo/client.ts';
import { OWN, type OwnDatabase } from '../mongo/collections.ts';
import { ensureIndex } from '../mongo/indexes.ts';
import { mergeEach } from '../mongo/set-each.ts';
import { UNGROUPED, type InGroup } from './ungrouped.ts';

export type StoredFailure = { _id: string } & FailureFacts & InGroup;

export interface Ungrouped {
  /** Where it is kept. */
  shelf: number;
  failure: StoredFailure & Required<Pick<InGroup, 'ungrouped'>>;
}

interface Mark {
  shelf: number;
  _id: string;
  /** `n`: of its mark until then. */
  grouped: NonNullable<InGroup['grouped']>;
}

interface Commit {
  made: readonly GroupCount[];
  changed: readonly GroupCount[];
  marks: readonly Mark[];
}

/** One for all groups, beside them. */
interface State {
  _id: string;
  /** Of the last commit. */
  n: number;
  /** The last commit, until it is done. */
  pending: Commit | null;
  /** When some process began to count all failures anew. */
  recountedAt: Date | null;
  /** False until that was done for the first time. */
  isBuilt: boolean;
}

const STATE = 'state';
/** Of each shelf in one commit. */
const MOST = 1_000;

const WITHOUT_BODIES = {
  ...{ worker: 1, item: 1, 'outcome.kind': 1, 'outcome.group': 1, 'outcome.at': 1, settledAt: 1 },
  ...{ 'gone.as': 1, 'lateResult.status': 1, ungrouped: 1, grouped: 1 },
};

/** Where failures are kept, and which are some: as the indexes have them. */
const SHELVES = [
  {
    name: OWN.claims,
    failed: { 'outcome.kind': { $in: [...FAILURE_CLASSES] }, settledAt: { $ne: null } },
  },
  {
    name: OWN.taskClaims,
    failed: {
      worker: { $gt: '' },
      ...{ 'outcome.kind': { $in: [...TASK_FAILURES] }, settledAt: { $ne: null } },
    },
  },
  { name: OWN.malformed, failed: {} },
] as const;

export const indexGroups = (own: OwnDatabase): Promise<void> =>
  ensureIndex(own.collection(OWN.failureGroups), { waiting: 1, lastAt: 1 });

export type GroupStore = ReturnType<typeof openGroupStore>;

/** All throw what MongoDB throws. */
export function openGroupStore(own: OwnDatabase) {
  const groups = own.collection<GroupCount & { n: number }>(OWN.failureGroups);
  const states = own.collection<State>(OWN.failureGroups);
  const shelves = SHELVES.map(({ name, failed }) => {
    return { failed, collection: own.collection<StoredFailure>(name) };
  });

  async function state(): Promise<State> {
    const found = await states.findOne({ _id: STATE });
    if (found !== null) return found;
    // Failures may be marked with numbers of a state that was removed: those are lower.
    const first = { _id: STATE, n: Date.now(), pending: null, recountedAt: null, isBuilt: false };
    await insertNew(states, [first]);
    return state();
  }

  async function finish(n: number, { made, changed, marks }: Commit): Promise<void> {
    await insertNew(
      groups,
      made.map((each) => ({ ...each, n })),
    );
    if (changed.length > 0) {
      const ids = changed.map(({ _id }) => _id);
      const counts = changed.map((each) => ({ ...each, n }));
      await groups.updateMany({ _id: { $in: ids }, n: { $lt: n } }, mergeEach(ids, counts));
    }
    for (const [at, { collection }] of shelves.entries()) {
      const some = marks.filter(({ shelf }) => shelf === at);
      if (some.length === 0) continue;
      const ids = some.map(({ _id }) => _id);
      const grouped = some.map((each) => ({ grouped: { ...each.grouped, n } }));
      const isEarlier = { 'grouped.n': { $not: { $gte: n } } };
      await collection.updateMany({ _id: { $in: ids }, ...isEarlier }, mergeEach(ids, grouped));
      // What was written again meanwhile is counted again.
      const isCounted = { $expr: { $eq: ['$ungrouped', '$grouped.of'] } };
      await collection.updateMany(
        { _id: { $in: ids }, ...isCounted },
        { $unset: { ungrouped: '' } },
      );
    }
    await states.updateOne({ _id: STATE, n }, { $set: { pending: null } });
  }

  return {
    /** The state, with nothing pending. */
    async begin(): Promise<State> {
      const now = await state();
      if (now.pending !== null) await finish(now.n, now.pending);
      return { ...now, pending: null };
    },
    /** False: another process has committed since `begin`, and nothing of this is done. */
    async commit(since: State, counts: readonly GroupCount[], marks: readonly Mark[]) {
      const ids = counts.map(({ _id }) => _id);
      const known = await groups.find({ _id: { $in: ids } }, { projection: { n: 1 } }).toArray();
      const isKnown = new Set(known.map(({ _id }) => _id));
      const earlier = [...known, ...marks.map(({ grouped }) => grouped)];
      // A backup may have brought back an earlier state beside them.
      const n = 1 + earlier.reduce((most, each) => Math.max(most, each.n), since.n);
      const pending: Commit = {
        made: counts.filter(({ _id }) => !isKnown.has(_id)),
        changed: counts.filter(({ _id }) => isKnown.has(_id)),
        marks,
      };
      const asItWas = { _id: STATE, n: since.n, pending: null };
      const { matchedCount } = await states.updateOne(asItWas, { $set: { n, pending } });
      if (matchedCount === 0) return false;
      await finish(n, pending);
      return true;
    },
    /** What is not counted yet, the oldest of each shelf. */
    async ungrouped(): Promise<{ some: Ungrouped[]; isAll: boolean }> {
      const found = await Promise.all(
        shelves.map(async ({ collection }, shelf) => {
          const oldest = collection.find(UNGROUPED).sort({ ungrouped: 1 }).limit(MOST);
          const some = await oldest.project<Ungrouped['failure']>(WITHOUT_BODIES).toArray();
          return some.map((failure) => ({ shelf, failure }));
        }),
      );
      return { some: found.flat(), isAll: found.every(({ length }) => length < MOST) };
    },
    /** All failures, one after the other. */
    async *failures(): AsyncGenerator<StoredFailure> {
      for (const { collection, failed } of shelves)
        yield* collection.find(failed).project<StoredFailure>(WITHOUT_BODIES);
    },
    async groups(ids?: readonly string[]): Promise<Map<string, GroupCount>> {
      const which = ids === undefined ? { flow: { $exists: true } } : { _id: { $in: [...ids] } };
      const found = await groups.find(which).project<GroupCount>({ n: 0 }).toArray();
      return new Map(found.map((each) => [each._id, each]));
    },
    /** Those of which some wait, the most first. */
    async largest(most: number) {
      const some = { waiting: { $gt: 0 } };
      const sum = { $group: { _id: null, all: { $sum: 1 }, waiting: { $sum: '$waiting' } } };
      const [largest, sums] = await Promise.all([
        groups.find(some).sort({ waiting: -1, lastAt: -1 }).limit(most).toArray(),
        groups.aggregate<{ all: number; waiting: number }>([{ $match: some }, sum]).toArray(),
      ]);
      return { all: sums[0]?.all ?? 0, waiting: sums[0]?.waiting ?? 0, largest };
    },
    /** False: another process does it. */
    async beginRecount({ recountedAt }: State, now: Date | null): Promise<boolean> {
      const mine = { _id: STATE, recountedAt };
      return (await states.updateOne(mine, { $set: { recountedAt: now } })).matchedCount === 1;
    },
    async endRecount(): Promise<void> {
      await states.updateOne({ _id: STATE }, { $set: { isBuilt: true } });
    },
    async removeEmpty(before: Date): Promise<void> {
      await groups.deleteMany({ total: 0, lastAt: { $lt: before } });
    },
  };
}
