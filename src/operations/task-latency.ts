/** How long the tasks of a worker took of late, by their claims. */
import type { OwnDatabase } from '../mongo/collections.ts';
import { openTaskClaims, type TaskClaim } from '../tasks/claims.ts';
import { quantile } from './measure.ts';

/** So many are looked at, the latest. */
const SEEN = 1_000;
const WINDOW_MS = 3_600_000;
const QUANTILES = { p50: 0.5, p95: 0.95, p99: 0.99 };

type Times = Pick<TaskClaim, 'receivedAt' | 'startedAt' | 'finishedAt' | 'settledAt'>;

/** Of what was settled within an hour; times in ms, null where there is none. @param now epoch ms @throws what MongoDB throws */
export async function taskLatency(own: OwnDatabase, worker: string, now: number) {
  const found = await openTaskClaims(own)
    .collection.aggregate<Times>([
      // By the index of settledAt: the store of our tests takes that of open claims where both fields stand in one $match.
      { $match: { settledAt: { $gte: new Date(now - WINDOW_MS) } } },
      { $sort: { settledAt: -1 } },
      { $match: { worker } },
      { $limit: SEEN },
      { $project: { receivedAt: 1, startedAt: 1, finishedAt: 1, settledAt: 1 } },
    ])
    .toArray();
  return {
    worker,
    settled: found.length,
    /** The last call of the handler. */
    handler: quantilesOf(found.map(({ startedAt, finishedAt }) => between(startedAt, finishedAt))),
    /** From the delivery, or from its redrive, to the settlement: with all attempts and the rests between them. */
    whole: quantilesOf(found.map(({ receivedAt, settledAt }) => between(receivedAt, settledAt))),
  };
}

const between = (from: Date | null, to: Date | null): number | null =>
  from === null || to === null ? null : to.getTime() - from.getTime();

function quantilesOf(times: (number | null)[]) {
  const sorted = times.filter((time) => time !== null).sort((a, b) => a - b);
  const { p50, p95, p99 } = QUANTILES;
  return { p50: quantile(sorted, p50), p95: quantile(sorted, p95), p99: quantile(sorted, p99) };
}
