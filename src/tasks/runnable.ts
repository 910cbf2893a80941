/** A worker of a file as it runs here: its rules, and the caller of its handlers. */
import type { Config } from '../config/schema.ts';
import type { Environment } from '../config/tree.ts';
import type { QueueSetting } from '../config/queues.ts';
import { createCaller } from '../handlers/caller.ts';
import { labelOf } from '../intake/label.ts';
import type { Log } from '../runtime/log.ts';
import type { Caller, Channel } from '../workers/call.ts';
import type { Found } from '../workers/discover.ts';
import { rulesOf, type Open, type Worker } from '../workers/worker.ts';
import { identifyingBy } from './identifying.ts';
import type { Running } from './rules.ts';
import { webhookCaller } from './webhook.ts';

export interface Runnable {
  worker: Running;
  caller: Caller;
  /** Its handlers anew, as their file is now; what still runs in the old ones after 2 s is interrupted. */
  reload(): void;
}

/** A worker with its source, and where goes what fails for good: by its code, else by queues.yaml, else by the settings. */
export interface Placed {
  from: Channel;
  deadLetters: Channel | null;
  queue: QueueSetting | null;
  isOrdered: boolean;
}

export function placeOf(
  worker: Worker,
  { tasks }: Pick<Config, 'tasks'>,
  queues: readonly QueueSetting[],
): Placed {
  const bound = queues.find((each) => each.worker === worker.name);
  const from = worker.from ?? { broker: 'rabbitmq', name: bound?.name ?? tasks.defaultQueue };
  const queue = queues.find(({ type, name }) => type === from.broker && name === from.name) ?? null;
  const deadLetters: Channel = {
    broker: from.broker,
    name: worker.deadLetters ?? `dlq_${from.name}`,
  };
  return {
    ...{ from, queue, isOrdered: worker.isOrdered },
    deadLetters: queue?.hasDeadLetters === false ? null : deadLetters,
  };
}

/** Of workers that take from one queue, or from one topic as one group, each gets messages of the other. One sentence for each such source. */
export function sharedSources(
  found: readonly Found[],
  config: Pick<Config, 'tasks'>,
  queues: readonly QueueSetting[],
): string[] {
  const sourceOf = ({ worker }: Found): string => {
    const { broker, name, group = worker.name } = placeOf(worker, config, queues).from;
    return broker === 'kafka' ? `the topic ${name} as the group ${group}` : `the queue ${name}`;
  };
  return [...Map.groupBy(found, sourceOf)].flatMap(([source, all]) =>
    all.length === 1
      ? []
      : `${all.map(({ worker }) => worker.name).join(' and ')} take from ${source}, and each would get messages of the other`,
  );
}

/** The remedy. */
export const APART =
  'Give each a source of its own (from), or make one worker of them, with handlers by type';

/** Queues that nobody takes from, though the file says that somebody does. */
export const idleQueues = (queues: readonly QueueSetting[], placed: readonly Placed[]): string[] =>
  queues
    .filter(({ name, consumer }) => consumer && !placed.some(({ queue }) => queue?.name === name))
    .map(({ name }) => name);

/** @param count adds to a counter of the worker's own */
export function runnableOf(
  { worker, file, http }: Found,
  config: Config,
  log: Log,
  more: {
    concurrency: number | null;
    queues: readonly QueueSetting[];
    /** As handlers see it. */
    env: Environment;
    count: (name: string, by: number) => void;
  },
): Runnable {
  const placed = placeOf(worker, config, more.queues);
  const rules = rulesOf(worker, givenBy(config, placed.queue !== null));
  const concurrency = more.concurrency ?? rules.concurrency;
  const { name, work, hooks } = worker;
  const running = {
    ...placed,
    redrivesByItself: placed.queue !== null && placed.deadLetters !== null,
    ...{ to: worker.to, name, concurrency, timeoutMs: rules.timeout, retry: rules.retry },
    keep: {
      resultMs: worker.result.keepFor ?? DAY_MS,
      failureMs: worker.result.keepFailuresFor ?? 7 * DAY_MS,
    },
  };
  if (http !== undefined) {
    const { caller, sends } = webhookCaller({ name, http, concurrency, env: more.env });
    const rest = { isIsolated: true, isHarmless: true, batch: null, identify: null };
    return { worker: { ...running, ...rest, sends }, caller, reload: () => {} };
  }
  const common = {
    ...{ env: more.env, file, isolate: worker.isolate, log: bound(log, { worker: name }) },
    count: more.count,
  };
  const module = (argument: object) => ({
    url: new URL('../handlers/runner.js', import.meta.url).href,
    argument: { file, name, ...argument },
  });
  const handlers = createCaller({
    ...{ ...common, module: module({}), concurrency, timeoutMs: rules.timeout },
    facts: ({ id, attempt }) => ({ task: labelOf(id, config), attempt }),
  });
  let isStopping = false;
  const identifies = hooks.idFrom !== undefined || hooks.keyFrom !== undefined;
  // Not among the handlers: what hangs here would make suspects of the calls that run there.
  const reader = identifies
    ? createCaller({
        ...{ ...common, module: module({ identifies }), concurrency: 1, facts: () => ({}) },
        ...{ timeoutMs: IDENTIFY_MS, graceMs: IDENTIFY_GRACE_MS },
      })
    : null;
  return {
    reload() {
      handlers.replace(module({}));
      reader?.replace(module({ identifies }));
    },
    worker: {
      ...running,
      isIsolated: worker.isolate,
      batch: work.kind === 'batch' ? { size: work.size, waitMs: work.wait } : null,
      identify: reader === null ? null : identifyingBy(reader, () => isStopping),
    },
    caller: {
      ...handlers,
      tell(call, hook) {
        if (hooks[hook.kind] !== undefined) handlers.tell(call, hook);
      },
      stop: async (finishWithinMs) => {
        isStopping = true;
        await Promise.all([handlers.stop(finishWithinMs), reader?.stop(0)]);
      },
    },
  };
}

const bound = (log: Log, more: object): Log => ({
  debug: (facts, sentence) => log.debug({ ...more, ...facts }, sentence),
  info: (facts, sentence) => log.info({ ...more, ...facts }, sentence),
  warn: (facts, sentence) => log.warn({ ...more, ...facts }, sentence),
  error: (facts, sentence) => log.error({ ...more, ...facts }, sentence),
});

const DAY_MS = 86_400_000;
/** The longest that a worker may take to read an id or a key, ms. */
const IDENTIFY_MS = 5_000;
const IDENTIFY_GRACE_MS = 1_000;
/** The rest before the first retry of what comes from a queue of queues.yaml, s. */
const QUEUE_RETRY_DELAY = 60;

/** What the settings say where code is silent. */
function givenBy({ tasks }: Pick<Config, 'tasks'>, isOfFile: boolean): Open {
  const delay = tasks.defaultRetryDelay ?? (isOfFile ? QUEUE_RETRY_DELAY : null);
  return {
    concurrency: tasks.workerConcurrency,
    timeout: tasks.defaultTimeout === null ? null : tasks.defaultTimeout * 1_000,
    retry: {
      max: tasks.defaultRetry,
      kind: tasks.retryBackoff === null ? null : tasks.retryBackoff ? 'exponential' : 'fixed',
      initial: delay === null ? null : delay * 1_000,
      longest: null,
      jitter: null,
    },
  };
}
