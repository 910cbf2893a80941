/** Results in Redis. ioredis is an optional package, and known here alone. */
import type { Redis } from 'ioredis';
import { maskUrl } from '../runtime/mask.ts';
import { errorFacts, type Log } from '../runtime/log.ts';
import { within } from '../runtime/retry.ts';

const CONNECT_MS = 3_000;
const ANSWER_MS = 2_000;
const LONGEST_REST_MS = 2_000;

export interface Entry {
  key: string;
  value: string;
  keepMs: number;
}

export type RedisResults = Awaited<ReturnType<typeof openRedis>>;

/**
 * A Redis that is away is waited for in the background, and whatever is asked of it meanwhile fails at once.
 * @throws Error where the package is missing, or Redis refuses us, with the remedy
 */
export async function openRedis(url: string, log: Log) {
  const client = await clientOf(url);
  let isAway = false;
  let last: unknown = null;
  client.on('error', (error: unknown) => {
    last = error;
    if (!isAway)
      log.warn({ runbook: 'redis-away', ...errorFacts(error) }, `Redis at ${maskUrl(url)} is away`);
    isAway = true;
  });
  client.on('ready', () => {
    if (isAway) log.info({}, 'Redis is back');
    isAway = false;
  });
  // It goes on by itself.
  await within(CONNECT_MS, 'Redis', client.connect()).catch(() => {});
  if (isRefusal(last)) {
    client.disconnect();
    throw new Error(
      `Redis at ${maskUrl(url)} refuses us: ${last.message}. Check the user and the password in REDIS_URL`,
    );
  }
  return {
    /** All in one message. @throws Error */
    async write(entries: readonly Entry[]): Promise<void> {
      const pipeline = client.pipeline();
      for (const { key, value, keepMs } of entries) pipeline.set(key, value, 'PX', keepMs);
      const answers = await within(ANSWER_MS, 'Redis', pipeline.exec());
      for (const [error] of answers ?? []) if (error !== null) throw error;
    },
    /** Null where there is none, or none any more. @throws Error */
    read: (key: string): Promise<string | null> => within(ANSWER_MS, 'Redis', client.get(key)),
    close: (): void => client.disconnect(),
  };
}

const isRefusal = (error: unknown): error is Error =>
  error instanceof Error &&
  /^(WRONGPASS|NOAUTH|NOPERM|ERR (AUTH|Client sent AUTH))/.test(error.message);

async function clientOf(url: string): Promise<Redis> {
  const { Redis } = await import('ioredis').catch((cause: unknown) => {
    const why =
      'TASK_RESULT_BACKEND is redis, and the package ioredis, which is optional, cannot be loaded. Install it: npm install ioredis@6';
    throw new Error(why, { cause });
  });
  return new Redis(url, {
    lazyConnect: true,
    connectTimeout: CONNECT_MS,
    // One that hangs is left: until it answers again, whatever is asked of it fails at once.
    socketTimeout: ANSWER_MS,
    // Nothing waits in memory for a Redis that is away.
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    retryStrategy: (times) => Math.min(100 * 2 ** times, LONGEST_REST_MS),
  });
}
