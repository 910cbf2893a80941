/** Results of tasks: in Redis, for whoever asks there, or in the claims. */
import { z } from 'zod';
import type { Config } from '../config/schema.ts';
import { TASK_FAILURES } from '../domain/tasks.ts';
import { openRedis } from '../results/redis.ts';
import { errorFacts, type Log } from '../runtime/log.ts';
import { soon } from '../runtime/retry.ts';
import { sealedText } from '../temporal/sealed-text.ts';
import type { TaskResult, Truncated } from '../workers/result.ts';
import { idOf } from './call-of.ts';
import type { TaskClaim } from './claims.ts';
import type { TaskMetrics } from './metrics.ts';
import type { Running } from './rules.ts';

/** Bytes of JSON. A larger result is told by its size. */
const MOST_BYTES = 64 * 1024;
/** A Redis that is away holds up tasks for so long, once. */
const INSIST_MS = 5_000;

export interface Results {
  /** The JSON that is kept of what a handler has returned; null where there is none. */
  kept(result: unknown): string | null;
  /** Whether the claim of a task keeps its result, once it is settled or while something is still to be published. */
  areInClaim(isSettled: boolean): boolean;
  /** Before the claims are settled that it is about. Never throws: the claims know how their tasks have ended. */
  write(ended: readonly TaskClaim[]): Promise<void>;
}

/** What a claim knows of its task. */
export function resultOf(claim: TaskClaim): TaskResult {
  const { worker, attempts, error, outcome, result, settledAt, generation } = claim;
  const { receivedAt, startedAt, finishedAt } = claim;
  const isDone = outcome?.kind === 'done';
  const value: unknown = typeof result === 'string' ? JSON.parse(result) : undefined;
  return {
    ...{ worker, id: idOf(claim), attempts, receivedAt, startedAt, finishedAt },
    status: settledAt === null ? 'open' : isDone ? 'done' : 'failed',
    error: isDone ? null : errorOf(outcome, error),
    redrive: generation,
    ...(value === undefined || settledAt === null ? {} : { result: value }),
  };
}

function errorOf(outcome: TaskClaim['outcome'], error: TaskClaim['error']): TaskResult['error'] {
  if (outcome === null || outcome.kind === 'done')
    return error && { failure: error.failure, class: error.class, reason: error.reason };
  const { kind: failure, class: own = failure, reason } = outcome;
  return { failure, class: own, reason: reason ?? failure };
}

const keyOf = (worker: string, id: string): string => `despachante:result:${worker}:${id}`;

/** @throws as openRedis */
export async function openResults(config: Config, metrics: TaskMetrics, log: Log) {
  const { resultBackend } = config.tasks;
  const redis = resultBackend === 'redis' ? await openRedis(config.redisUrl, log) : null;
  const sealed = sealedText(config);
  /** Since when Redis has taken nothing. */
  let awaySince: number | null = null;

  return {
    of: ({ name: worker, keep }: Pick<Running, 'name' | 'keep'>): Results => ({
      kept(result) {
        if (result === undefined || resultBackend === 'none') return null;
        const text = JSON.stringify(result);
        const bytes = Buffer.byteLength(text);
        if (bytes <= MOST_BYTES) return text;
        metrics.truncated.inc({ worker });
        const told: Truncated = { truncated: true, bytes };
        return JSON.stringify(told);
      },
      areInClaim: (isSettled) =>
        resultBackend === 'database' || (resultBackend === 'redis' && !isSettled),
      async write(ended) {
        if (redis === null || ended.length === 0) return;
        const since = awaySince ?? performance.now();
        const entries = await Promise.all(
          ended.map(async (claim) => {
            const result = resultOf(claim);
            const key = keyOf(worker, result.id);
            const keepMs = result.status === 'done' ? keep.resultMs : keep.failureMs;
            return { key, value: await sealed.seal(key, JSON.stringify(result)), keepMs };
          }),
        );
        const left = Math.max(0, Math.ceil(since + INSIST_MS - performance.now()));
        try {
          await soon(left, () => redis.write(entries));
          awaySince = null;
        } catch (error) {
          awaySince ??= since;
          metrics.unwritten.inc({ worker }, ended.length);
          const facts = { worker, tasks: ended.length, ...errorFacts(error) };
          log.warn(
            { runbook: 'redis-away', ...facts },
            'Redis did not take results: their tasks are settled without',
          );
        }
      },
    }),
    close: () => redis?.close(),
  };
}

const stored = z.object({
  worker: z.string(),
  id: z.string(),
  status: z.enum(['done', 'failed']),
  result: z.unknown().optional(),
  error: z
    .object({ failure: z.enum(TASK_FAILURES), class: z.string(), reason: z.string() })
    .nullable(),
  attempts: z.number(),
  receivedAt: z.coerce.date(),
  startedAt: z.coerce.date().nullable(),
  finishedAt: z.coerce.date().nullable(),
  redrive: z.number(),
});

/** Reads what `openResults` has written to Redis. @throws as openRedis */
export async function openStoredResults(config: Config, log: Log) {
  const redis = await openRedis(config.redisUrl, log);
  const sealed = sealedText(config);
  return {
    /** Null where it is not there, or not any more. @throws Error of Redis; DecryptionError */
    async read(worker: string, id: string): Promise<TaskResult | null> {
      const key = keyOf(worker, id);
      const text = await redis.read(key);
      return text === null ? null : stored.parse(JSON.parse(await sealed.open(key, text)));
    },
    close: redis.close,
  };
}
