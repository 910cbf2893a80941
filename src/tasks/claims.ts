/** Who has which task, what its attempts came to, and how it ended: the history of a task, for as long as it is kept. */
import type { Binary, Filter } from 'mongodb';
import type { Gone } from '../claims/claims.ts';
import { goneAs, indexUngrouped, toBeCounted, type InGroup } from '../claims/ungrouped.ts';
import { groupOf } from '../domain/failure-group.ts';
import { claimKey } from '../domain/names.ts';
import type { Origin } from '../domain/origin.ts';
import { TASK_FAILURES, type TaskFailure } from '../domain/tasks.ts';
import { insertNew } from '../mongo/client.ts';
import { EXPIRY, OWN, type OwnDatabase } from '../mongo/collections.ts';
import { ensureIndex, expireAfter } from '../mongo/indexes.ts';
import { mergeEach, setEach } from '../mongo/set-each.ts';
import type { Outgoing } from '../workers/call.ts';
import type { Sums } from './sums.ts';

/** How an attempt failed. */
export interface TaskError {
  failure: TaskFailure;
  /** The worker's own word for it. */
  class: string;
  reason: string;
  at: Date;
  /** When the handler wants to be called again, where it has said so. */
  retryAt?: Date;
}

export interface TaskOutcome {
  kind: 'done' | TaskFailure;
  reason: string | null;
  /** The worker's own word for the failure. */
  class?: string;
  /** Of a failure: its reason with numbers and ids folded. */
  group?: string;
  at: Date;
}

export interface TaskClaim extends InGroup {
  /** `<worker>/<id>~<generation>`, or `…!<hash>` for the bytes of a conflict. */
  _id: string;
  worker: string;
  /** `<worker>/<id>` */
  item: string;
  generation: number;
  conflict: boolean;
  /** Random: who has it has seen the dead letter, and may redrive it. */
  token: string;
  workflowId: string;
  index: number;
  takenFrom?: string;
  /** SHA-256 of the raw bytes, hex. */
  bodyHash: string;
  key: string | null;
  origin: Origin;
  /** Until it is done or, where it has failed for good, until it is redriven or dropped. */
  message: { body: Binary; properties: string } | null;
  receivedAt: Date;
  /** Its first attempt is not made before. */
  notBefore?: Date;
  claimedAt: Date;
  /**
   * How often its process died with it, or may have, since an attempt of it last came to an end: it is counted before a suspect is begun.
   * After the first time it is called alone.
   */
  deaths?: number;
  /** Attempts that have ended. */
  attempts: number;
  startedAt: Date | null;
  finishedAt: Date | null;
  /** Of the last attempt that failed. */
  error: TaskError | null;
  /** The handler is done, and this is its result, as JSON; null where it has none. Until then absent. */
  result?: string | null;
  /** What is to be published, as JSON, before it is settled. */
  outgoing?: string | null;
  /** Set before a dead letter is published, so that whoever redrives that letter finds it. */
  outcome: TaskOutcome | null;
  settledAt: Date | null;
  /** Of a failure, once it waits for nobody any more; also of what was done without an effect, and has come again. */
  gone?: Gone;
  /** Of a counted task, while more may be counted of it; and what has been counted so far, in which interval (pushed.ts). */
  uncounted?: true;
  counted?: { tag?: string; before: Sums; sums: Sums; isLast: boolean };
}

/** What an attempt has come to, for the claim. */
export interface Recorded {
  claim: string;
  attempts: number;
  startedAt: Date;
  finishedAt: Date;
  error: TaskError | null;
  /** None unless it says so. */
  deaths?: number;
  done?: { result: string | null; outgoing: readonly Outgoing[] };
  /** The claim as it is then, where that settles it: for results that are kept elsewhere. */
  ended?: TaskClaim;
}

export interface Ending {
  claim: string;
  outcome: TaskOutcome;
}

const UNDONE = { result: { $exists: false } };
const MOST_REDRIVES = 50; // of a task, as far as is looked for

export async function indexTaskClaims(
  { collection }: TaskClaims,
  retentionMs: number,
): Promise<void> {
  await expireAfter(collection, EXPIRY[OWN.taskClaims], retentionMs);
  // Of those that are open, and of failures: what is done pays for nothing.
  await ensureIndex(collection, { worker: 1 }, { partialFilterExpression: { settledAt: null } });
  await ensureIndex(
    collection,
    { worker: 1, 'gone.as': 1, settledAt: 1 },
    { partialFilterExpression: { 'outcome.kind': { $in: [...TASK_FAILURES] } } },
  );
  await ensureIndex(collection, { uncounted: 1 }, { partialFilterExpression: { uncounted: true } });
  await indexUngrouped(collection);
}

export type TaskClaims = ReturnType<typeof openTaskClaims>;

export function openTaskClaims(db: OwnDatabase) {
  const collection = db.collection<TaskClaim>(OWN.taskClaims);

  async function find(keys: string[]): Promise<Map<string, TaskClaim>> {
    if (keys.length === 0) return new Map();
    const found = await collection.find({ _id: { $in: keys } }).toArray();
    return new Map(found.map((claim) => [claim._id, claim]));
  }

  async function keysOf(filter: Filter<TaskClaim>): Promise<string[]> {
    const found = collection.find(filter).project<{ _id: string }>({ _id: 1 });
    return Array.fromAsync(found, ({ _id }) => _id);
  }

  /** Of these, the ones that a statement has not reached: another run has them, or they have ended otherwise. */
  async function missed(
    keys: string[],
    matched: number,
    isWritten: (claim: TaskClaim) => boolean,
  ): Promise<ReadonlySet<string>> {
    if (matched === keys.length) return new Set();
    const found = await find(keys);
    return new Set([...found.values()].flatMap((each) => (isWritten(each) ? [] : each._id)));
  }

  const ofRun = (keys: string[], workflowId: string) => ({
    _id: { $in: keys },
    workflowId,
    settledAt: null,
  });

  return {
    collection,
    find,
    /** The claim of a task, and where it was redriven, the last of them. */
    async latest(item: string): Promise<TaskClaim | null> {
      const found = await find(Array.from({ length: MOST_REDRIVES }, (_, n) => claimKey(item, n)));
      return [...found.values()].sort((a, b) => b.generation - a.generation)[0] ?? null;
    },
    /** Inserts what is free; returns the `_id`s that were taken already. */
    async insert(claims: TaskClaim[]): Promise<Set<string>> {
      const taken = await insertNew(collection, claims);
      return new Set([...taken].map((index) => claims[index]?._id ?? ''));
    },
    /** Gives unsettled claims of a dead run to another, unless they have moved meanwhile. Returns those it has now. */
    async take(from: string, to: string, wanted: { claim: string; index: number }[]) {
      const keys = wanted.map(({ claim }) => claim);
      await collection.updateMany(
        ofRun(keys, from),
        setEach(keys, {
          workflowId: wanted.map(() => to),
          index: wanted.map(({ index }) => index),
          takenFrom: wanted.map(() => from),
        }),
      );
      const now = await find(keys);
      return wanted.flatMap(({ claim, index }) => {
        const each = now.get(claim);
        return each?.workflowId === to && each.index === index ? [each] : [];
      });
    },
    /**
     * Writes down what attempts have come to, of open claims of this run whose end is not decided; returns the others. What is done
     * and publishes nothing is settled by it.
     */
    async record(all: readonly Recorded[], workflowId: string): Promise<ReadonlySet<string>> {
      const keys = all.map(({ claim }) => claim);
      const written = all.map(({ attempts, startedAt, finishedAt, error, deaths = 0, done }) => ({
        ...{ attempts, startedAt, finishedAt, error, deaths },
        ...(done === undefined ? {} : { result: done.result }),
        ...(done === undefined
          ? {}
          : done.outgoing.length > 0
            ? { outgoing: JSON.stringify(done.outgoing) }
            : {
                outcome: { kind: 'done', reason: null, at: finishedAt },
                settledAt: finishedAt,
                message: null,
              }),
      }));
      const { matchedCount } = await collection.updateMany(
        { ...ofRun(keys, workflowId), outcome: null },
        mergeEach(keys, written),
      );
      const times = new Map(all.map(({ claim, finishedAt }) => [claim, finishedAt.getTime()]));
      // By a try whose answer was lost it may be written already.
      return missed(
        keys,
        matchedCount,
        (each) =>
          each.workflowId === workflowId && each.finishedAt?.getTime() === times.get(each._id),
      );
    },
    /** How many tasks of a worker are open; so many at most are counted. */
    countOpen: (worker: string, atMost: number): Promise<number> =>
      collection.countDocuments({ worker, settledAt: null }, { limit: atMost }),
    /** Writes how open claims of this run end, and in which attempt: those without a result, which are not done. */
    conclude: (endings: readonly (Ending & { attempts: number })[], workflowId: string) =>
      writeEndings(endings, workflowId, ({ attempts }) => ({ attempts }), UNDONE),
    /**
     * Their output or dead letter is out. The message of a failure stays: by it the task is redriven. Returns those that another run
     * has by now.
     */
    settled: (endings: readonly Ending[], workflowId: string) =>
      writeEndings(endings, workflowId, ({ outcome }) => ({
        settledAt: new Date(),
        ...(outcome.kind === 'done' ? { message: null, outgoing: null } : toBeCounted()),
      })),
    /**
     * Failures wait no longer. The message of one that is redriven stays until its next generation is claimed. Returns those that
     * waited until then, or that have left in the same way before.
     */
    async leave(
      keys: string[],
      as: 'redriven' | 'dropped' | 'taken',
    ): Promise<ReadonlySet<string>> {
      await collection.updateMany(
        { _id: { $in: keys }, settledAt: { $ne: null }, 'gone.as': null },
        { $set: { ...goneAs(as), ...(as === 'dropped' ? { message: null } : {}) } },
      );
      return new Set(await keysOf({ _id: { $in: keys }, 'gone.as': as }));
    },
    /** The next generation of each has its message. */
    async giveWay(keys: string[]): Promise<void> {
      if (keys.length === 0) return;
      await collection.updateMany(
        { _id: { $in: keys }, settledAt: { $ne: null } },
        { $set: { ...goneAs('redriven'), message: null } },
      );
    },
    /** Leaves of these, as far as they are done, no more than what keeps duplicates out. */
    async forget(which: Filter<TaskClaim>): Promise<void> {
      const done = {
        'outcome.kind': 'done',
        startedAt: { $ne: null },
        uncounted: { $exists: false },
      };
      await collection.updateMany(
        { ...which, ...done },
        {
          $set: { startedAt: null, finishedAt: null, error: null, key: null },
          $unset: { result: '', counted: '' },
        },
      );
    },
    /** Of these claims, those whose end is decided. */
    decided: (keys: string[]): Promise<string[]> =>
      keysOf({ _id: { $in: keys }, outcome: { $ne: null } }),
    /** Of suspects, before they are begun; and as before, where that came to nothing. */
    async noteDeaths(keys: string[], workflowId: string, deaths: number): Promise<void> {
      await collection.updateMany(ofRun(keys, workflowId), { $set: { deaths } });
    },
  };

  async function writeEndings<E extends Ending>(
    endings: readonly E[],
    workflowId: string,
    more: (ending: E) => object,
    only: Filter<TaskClaim> = {},
  ): Promise<ReadonlySet<string>> {
    if (endings.length === 0) return new Set();
    const keys = endings.map(({ claim }) => claim);
    const written = endings.map((each) => ({ outcome: withGroup(each), ...more(each) }));
    const { matchedCount } = await collection.updateMany(
      { ...ofRun(keys, workflowId), ...only },
      mergeEach(keys, written),
    );
    return missed(keys, matchedCount, (each) => each.workflowId === workflowId);
  }
}

function withGroup({ claim, outcome }: Ending): TaskOutcome {
  if (outcome.kind === 'done') return outcome;
  return { ...outcome, group: groupOf(outcome.reason, claim, null) };
}
