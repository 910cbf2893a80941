/** The settings of this process, and what `send` and its like have opened by them. */
import { readQueues, type QueueSetting } from '../config/queues.ts';
import { loadConfig } from '../config/load.ts';
import { DEFAULTS, type Config } from '../config/schema.ts';
import type { Environment } from '../config/tree.ts';
import { IN_HANDLERS } from '../handlers/handler-module.ts';
import { openResultReader, type ResultReader } from '../operations/task-result.ts';
import { createOwnBreaker } from '../outbound/own-breaker.ts';
import type { Breaker } from '../outbound/breaker.ts';
import { createLog } from '../runtime/create-log.ts';
import type { Log } from '../runtime/log.ts';
import { createMetrics, type Metrics } from '../runtime/metrics.ts';
import { openPublishers, type Publishers } from '../tasks/publishers.ts';
import { PermanentError } from '../workers/errors.ts';
import { letOptionsGo, takeOptions } from './configure.ts';

export interface Connected {
  config: Config;
  forOthers: Environment;
  queues: QueueSetting[];
  log: Log;
  metrics: Metrics;
  publishers: Publishers;
  results: ResultReader;
  /** Before a broker; by its address. */
  breakerOf: (address: string) => Breaker;
  /** What is not to be cut off. */
  underWay: Set<Promise<unknown>>;
}

/** The longest that a message waits for its confirm, with a new connection before it. */
const SEND_MS = 20_000;

let current: Connected | null = null;

/** @throws ConfigError with all faults at once; PermanentError in the process of handlers, which has no settings of ours */
export const connected = (): Connected => (current ??= open());

function open(): Connected {
  if (Reflect.has(globalThis, IN_HANDLERS))
    throw new PermanentError(
      'send(), getProducer() and getResult() are not for handlers: their process has no addresses of brokers, and the defaults may be those of others. Publish by context.publish',
    );
  const options = takeOptions();
  try {
    const { config, forOthers, warnings } = loadConfig({
      file: options.config,
      more: options.env ?? {},
    });
    const queues = readQueues(options.queues);
    const log = options.log ?? createLog('tasks', config.log);
    for (const warning of warnings) log.warn({ runbook: 'start-warnings' }, warning);
    const metrics = createMetrics();
    const breakers = new Map<string, Breaker>();
    const { breaker } = DEFAULTS.legacy;
    return {
      ...{ config, forOthers, queues, log, metrics },
      publishers: openPublishers(config, queues, log),
      results: openResultReader(config, log),
      breakerOf(address) {
        const endpoint = { name: address, address, timeoutMs: SEND_MS, breaker };
        const known = breakers.get(address) ?? createOwnBreaker(endpoint, metrics, log);
        breakers.set(address, known);
        return known;
      },
      underWay: new Set(),
    };
  } catch (error) {
    letOptionsGo();
    throw error;
  }
}

/** Waits for what is under way, and closes the connections. */
export async function close(): Promise<void> {
  const was = current;
  current = null;
  letOptionsGo();
  if (was === null) return;
  await Promise.allSettled([...was.underWay]);
  await Promise.allSettled([was.publishers.close(), was.results.close()]);
}
