/**
 * What became of counted tasks, in intervals whose sums add up to the unit whenever a process dies.
 *
 * A claim says itself what of it has been counted. An interval is a tag: one statement gives it to all claims that have moved, with their
 * sums before and now; its sums are written down once, and sent as they are until they are taken; then the claims let go of the
 * tag, and the next interval begins. Tags that a dead process has left are adopted by the next interval. Only a claim without a tag gets
 * one, and only tags are adopted that were there before a successor: whoever stood still and goes on takes nothing from him.
 */
import { GAVE_UP, SENT_RESULT } from '../domain/folders.ts';
import { randomUUID } from 'node:crypto';
import type { Document } from 'mongodb';
import { isDuplicateKey } from '../mongo/client.ts';
import { OWN, type OwnDatabase } from '../mongo/collections.ts';
import { NOW } from '../mongo/server-time.ts';
import type { TaskClaim } from './claims.ts';
import { SUM_NAMES, type Sums } from './sums.ts';

export interface Interval {
  /** Also the idempotency key of its push. */
  tag: string;
  sums: Sums;
}

/** One for all processes. */
interface PublisherDocument {
  _id: 'metrics';
  /** Who publishes, and until when nobody else does; epoch ms. */
  token: string;
  until: number;
  /** Summed, and perhaps sent. */
  pending: Interval | null;
}

const ID = 'metrics';

const eachName = <T>(of: (name: keyof Sums) => T): Record<keyof Sums, T> => ({
  collected_file: of('collected_file'),
  ack: of('ack'),
  nack: of('nack'),
  retry: of('retry'),
});

const oneIf = (condition: Document): Document => ({ $cond: [condition, 1, 0] });
/** Neither null nor missing. */
const isThere = (path: string): Document => ({ $gt: [path, null] });
const IS_SENT = {
  $eq: [{ $substrCP: [{ $ifNull: ['$result', ''] }, 0, SENT_RESULT.length] }, SENT_RESULT],
};
const IS_REFUSED = {
  $and: [{ $eq: ['$error.failure', 'permanent'] }, { $ne: ['$error.class', GAVE_UP] }],
};
const IS_LAST_NO_RETRY = { $or: [isThere('$result'), IS_REFUSED] };
/** Each only grows while a claim is open. */
const REACHED = {
  collected_file: { $literal: 1 },
  ack: oneIf(IS_SENT),
  nack: oneIf(IS_REFUSED),
  retry: { $max: [0, { $subtract: ['$attempts', oneIf(IS_LAST_NO_RETRY)] }] },
};
const COUNTED = { $ifNull: ['$counted.sums', { $literal: eachName(() => 0) }] };

export type Intervals = ReturnType<typeof openIntervals>;

/** All throw what MongoDB throws. */
export function openIntervals(db: OwnDatabase, leaseMs: number) {
  const claims = db.collection<TaskClaim>(OWN.taskClaims);
  const publishers = db.collection<PublisherDocument>(OWN.control);
  const token = randomUUID();

  return {
    /** Whether this process publishes now, and the interval that is to be sent before all others. */
    async turn(): Promise<{ pending: Interval | null } | null> {
      const isFree = { $or: [{ token }, { $expr: { $lt: ['$until', NOW] } }] };
      const pending = { $ifNull: ['$pending', null] };
      const set = { token, until: { $add: [NOW, leaseMs] }, pending };
      try {
        return await publishers.findOneAndUpdate({ _id: ID, ...isFree }, [{ $set: set }], {
          ...{ upsert: true, returnDocument: 'after' },
        });
      } catch (error) {
        // Another process has it.
        if (isDuplicateKey(error)) return null;
        throw error;
      }
    },
    /** Tags of intervals whose process has ended before they were summed. */
    async left(): Promise<string[]> {
      const tags = await claims.distinct('counted.tag', { uncounted: true });
      return tags.filter((each) => typeof each === 'string');
    },
    /** Whether nobody else has had the turn since this process took it. */
    async isStillOurs(): Promise<boolean> {
      return (await publishers.findOne({ _id: ID, token, pending: null })) !== null;
    },
    async adopt(tags: readonly string[], tag: string): Promise<void> {
      await claims.updateMany(
        { uncounted: true, 'counted.tag': { $in: [...tags] } },
        { $set: { 'counted.tag': tag } },
      );
    },
    /** Counts in this interval whatever has moved since it was counted last, or is settled. */
    async count(tag: string): Promise<void> {
      const isLast = isThere('$settledAt');
      await claims.updateMany(
        {
          ...{ uncounted: true, 'counted.tag': null },
          $expr: { $or: [isLast, { $ne: [REACHED, COUNTED] }] },
        },
        [{ $set: { counted: { tag, before: COUNTED, sums: REACHED, isLast } } }],
      );
    },
    /** The sums of an interval; null where nothing has happened in it. */
    async sum(tag: string): Promise<Sums | null> {
      const difference = (name: string) => ({
        $sum: { $subtract: [`$counted.sums.${name}`, `$counted.before.${name}`] },
      });
      const [found] = await claims
        .aggregate<Sums>([
          { $match: { uncounted: true, 'counted.tag': tag } },
          { $group: { _id: null, ...eachName(difference) } },
        ])
        .toArray();
      if (found === undefined) return null;
      const sums = eachName((name) => found[name]);
      return SUM_NAMES.some((name) => sums[name] !== 0) ? sums : null;
    },
    /** Writes down what is to be sent. False: somebody else publishes by now. */
    async fix(pending: Interval): Promise<boolean> {
      const filter = { _id: ID, token, pending: null } as const;
      return (await publishers.updateOne(filter, { $set: { pending } })).matchedCount === 1;
    },
    /** The interval was taken: its claims can be counted in another, if more comes of them. */
    async letGo(tag: string): Promise<void> {
      const of = { uncounted: true, 'counted.tag': tag } as const;
      await claims.updateMany(
        { ...of, 'counted.isLast': true },
        { $unset: { uncounted: '', 'counted.tag': '' } },
      );
      await claims.updateMany(of, { $unset: { 'counted.tag': '' } });
    },
    async clear(tag: string): Promise<void> {
      await publishers.updateOne({ _id: ID, 'pending.tag': tag }, { $set: { pending: null } });
    },
    /** Nobody has to wait until this process counts as gone. */
    async leave(): Promise<void> {
      await publishers.updateOne({ _id: ID, token }, { $set: { until: 0 } });
    },
  };
}

/**
 * Sends what is due: the interval that is pending, as it was, and then what has happened since.
 * @throws what MongoDB throws, and what `send` throws: the interval is sent again then
 */
export async function pushDue(
  steps: Intervals,
  send: (interval: Interval) => Promise<void>,
): Promise<void> {
  const turn = await steps.turn();
  if (turn === null) return;
  if (turn.pending !== null) await sendFixed(turn.pending);
  const tag = randomUUID();
  const left = await steps.left();
  if (left.length > 0) {
    // By a successor's tag its claims may be in an interval that is pending.
    if (!(await steps.isStillOurs())) return;
    await steps.adopt(left, tag);
  }
  await steps.count(tag);
  const sums = await steps.sum(tag);
  if (sums === null) return steps.letGo(tag);
  if (await steps.fix({ tag, sums })) await sendFixed({ tag, sums });

  async function sendFixed(interval: Interval): Promise<void> {
    await send(interval);
    await steps.letGo(interval.tag);
    await steps.clear(interval.tag);
  }
}
