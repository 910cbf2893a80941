/** What became of a task: as Redis has it, where results are kept there, else by its claim. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Config } from '../config/schema.ts';
import { lazyMongo } from '../mongo/lazy-client.ts';
import { errorFacts, type Log } from '../runtime/log.ts';
import { openTaskClaims } from '../tasks/claims.ts';
import { openStoredResults, resultOf } from '../tasks/results.ts';
import type { TaskResult } from '../workers/result.ts';

/** Between two looks, ms: the first and the longest. */
const LOOK_MS = { first: 50, longest: 1_000 };

export type ResultReader = ReturnType<typeof openResultReader>;

/** Nothing is connected by it. */
export function openResultReader(config: Config, log: Log) {
  const mongo = lazyMongo(config, 'reader');
  let redis: ReturnType<typeof openStoredResults> | null = null;

  async function stored(worker: string, id: string): Promise<TaskResult | null> {
    if (config.tasks.resultBackend !== 'redis') return null;
    const opening = (redis ??= openStoredResults(config, log));
    opening.catch(() => (redis = null));
    const results = await opening;
    return results.read(worker, id).catch((error: unknown) => {
      log.warn(
        { runbook: 'redis-away', ...errorFacts(error) },
        'Redis cannot say what became of a task: its claim is asked',
      );
      return null;
    });
  }

  async function look(worker: string, id: string): Promise<TaskResult | null> {
    const known = await stored(worker, id);
    if (known?.status === 'done') return known;
    const claim = await openTaskClaims(await mongo.db()).latest(`${worker}/${id}`);
    // What has failed may have been redriven since.
    const isCurrent = (result: TaskResult | null): result is TaskResult =>
      result !== null && result.redrive >= (claim?.generation ?? 0);
    if (claim === null || isCurrent(known)) return known;
    // It may have been written and settled since.
    const now = claim.settledAt === null ? null : await stored(worker, id);
    return isCurrent(now) ? now : resultOf(claim);
  }

  return {
    /**
     * @param waitMs how long it may wait for the end of the task
     * @returns null where no such task is known
     * @throws Error that names the server that cannot be reached
     */
    async read(worker: string, id: string, waitMs: number): Promise<TaskResult | null> {
      const until = performance.now() + waitMs;
      for (let rest = LOOK_MS.first; ; rest = Math.min(2 * rest, LOOK_MS.longest)) {
        const found = await look(worker, id);
        const left = until - performance.now();
        if ((found !== null && found.status !== 'open') || left <= 0) return found;
        await delay(Math.min(rest, left));
      }
    },
    async close(): Promise<void> {
      await Promise.allSettled([mongo.close(), redis?.then(({ close }) => close())]);
    },
  };
}
