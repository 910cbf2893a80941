/** Counts failures by group when they are written, or soon after; and once a day all of them anew. */
import {
  corrections,
  countedAs,
  flowOf,
  groupId,
  lastHourOf,
  move,
  trimmed,
  type GroupCount,
} from '../domain/failure-count.ts';
import type { OwnDatabase } from '../mongo/collections.ts';
import { every } from '../runtime/every.ts';
import type { Log } from '../runtime/log.ts';
import { openGroupStore, type GroupStore, type Ungrouped } from './group-store.ts';

const EACH_MS = 5_000;
/** In one turn, so that the work itself has the rest of the database. */
const MOST_COMMITS = 10;
const DAY_MS = 24 * 3_600_000;
/** After so long nobody counts on who had begun to count for the first time. */
const BUILD_MS = 600_000;
/** Groups in one commit. */
const MOST_GROUPS = 1_000;

type State = Awaited<ReturnType<GroupStore['begin']>>;

interface Needs {
  /** Of failures; ms. */
  retention: number;
  log: Log;
}

export type GroupCounts = ReturnType<typeof openGroupCounts>;

/** All throw what MongoDB throws. */
export function openGroupCounts(own: OwnDatabase, { retention, log }: Needs) {
  const store = openGroupStore(own);

  async function count(since: State, some: readonly Ungrouped[], now: number): Promise<void> {
    const groups = await store.groups(some.flatMap(groupsOf));
    for (const { failure } of some)
      move(groups, flowOf(failure), failure.grouped?.counted ?? null, countedAs(failure));
    const marks = some.map(({ shelf, failure }) => {
      const n = failure.grouped?.n ?? 0;
      const grouped = { n, of: failure.ungrouped, counted: countedAs(failure) };
      return { shelf, _id: failure._id, grouped };
    });
    // Where another was first, it is found again.
    await store.commit(
      since,
      [...groups.values()].map((each) => trimmed(each, now)),
      marks,
    );
  }

  /** Whether it was done to its end. Whoever reads all cannot stop the others: what they change meanwhile is taken into account. */
  async function recount(isBuilt: boolean, now: number, signal?: AbortSignal): Promise<boolean> {
    await store.removeEmpty(new Date(now - DAY_MS));
    const before = await store.groups();
    const found = new Map<string, GroupCount>();
    for await (const failure of store.failures()) {
      if (signal?.aborted === true) return false;
      move(found, flowOf(failure), null, countedAs(failure));
    }
    let unexpected = 0;
    while (signal?.aborted !== true) {
      const since = await store.begin();
      const current = await store.groups();
      const { some, isAll } = await store.ungrouped();
      if (!isAll) {
        await count(since, some, now);
        continue;
      }
      const wrong = corrections(found, before, current, countOf(some)).slice(0, MOST_GROUPS);
      if (wrong.length === 0) {
        await store.endRecount();
        if (isBuilt && unexpected > 0)
          log.warn(
            { runbook: 'report-a-fault', groups: unexpected },
            'Counts of failures by group were not as the claims are, and have been corrected: somebody has removed or changed claims, or it is a fault of ours',
          );
        return true;
      }
      // MongoDB removes what is older than its retention, and tells nobody.
      const hasExpired = ({ from, to }: (typeof wrong)[number]): boolean =>
        from !== undefined && to.total < from.total && +from.firstAt < now - retention;
      const right = wrong.map(({ to }) => trimmed(to, now));
      if (await store.commit(since, right, []))
        unexpected += wrong.filter((each) => !hasExpired(each)).length;
    }
    return false;
  }

  return {
    /** Counts what was written. Returns when the oldest was written that is not counted yet; null where there is none. */
    async catchUp(now: number, mostCommits = MOST_COMMITS): Promise<Date | null> {
      for (let n = 0; ; n += 1) {
        const since = await store.begin();
        const { some } = await store.ungrouped();
        if (some.length === 0) return null;
        if (n === mostCommits)
          return new Date(
            Math.min(...some.map(({ failure }) => failure.ungrouped.getTimestamp().getTime())),
          );
        await count(since, some, now);
      }
    },
    /** Counts all failures anew where nobody has done so for a day: the counts cannot be wrong for longer. */
    async recountIfDue(now: number, signal?: AbortSignal): Promise<void> {
      const since = await store.begin();
      const { recountedAt, isBuilt } = since;
      const rested = recountedAt === null ? Infinity : now - recountedAt.getTime();
      if (rested < (isBuilt ? DAY_MS : BUILD_MS)) return;
      const begun = new Date(now);
      if (!(await store.beginRecount(since, begun))) return;
      if (!(await recount(isBuilt, now, signal)))
        await store.beginRecount({ ...since, recountedAt: begun }, recountedAt);
    },
    /** Groups of which some wait, the most first; and how many there are. @throws Error where they were never counted */
    async read(now: number, most: number) {
      if (!(await store.begin()).isBuilt)
        throw new Error('All failures are being counted by group for the first time');
      const { largest, ...sums } = await store.largest(most);
      return {
        ...sums,
        largest: largest.map((each) => ({ ...each, lastHour: lastHourOf(each, now) })),
      };
    },
  };
}

/** In a process that stays. */
export function keepGroupCounts(own: OwnDatabase, needs: Needs) {
  const counts = openGroupCounts(own, needs);
  const stopping = new AbortController();
  const counting = every(
    EACH_MS,
    async () => {
      await counts.catchUp(Date.now());
      await counts.recountIfDue(Date.now(), stopping.signal);
    },
    needs.log,
    {
      runbook: 'mongodb-away',
      failed: 'Failures cannot be counted by group: the page says how old its counts are',
      again: 'Failures are counted by group again',
    },
  );
  return {
    close(): Promise<void> {
      stopping.abort();
      return counting.close();
    },
  };
}

const groupsOf = ({ failure }: Ungrouped): string[] =>
  [failure.grouped?.counted, countedAs(failure)].flatMap((counted) =>
    counted ? groupId(flowOf(failure), counted) : [],
  );

/** Changes that are not counted yet, by group: two of each, as `move` has them. */
function countOf(some: readonly Ungrouped[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const id of some.flatMap(groupsOf)) counts.set(id, (counts.get(id) ?? 0) + 1);
  return counts;
}
