/** Runs workers: for each an intake, its runs, its handler calls, and what they publish; in one process. */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Client } from '@temporalio/client';
import { createFollow } from '../activities/tasks/follow.ts';
import { createRunning } from '../activities/tasks/running.ts';
import { createUnderWay } from '../activities/under-way.ts';
import { keepGroupCounts } from './claims/group-counts.ts';
import { indexGroups } from './claims/group-store.ts';
import { indexMalformed, openMalformed } from './claims/malformed.ts';
import type { QueueSetting } from './config/queues.ts';
import type { Config } from './config/schema.ts';
import { openActions } from './coordination/actions.ts';
import { openControl } from './coordination/control.ts';
import { watchControl } from './coordination/control-watch.ts';
import { agreementOf } from './coordination/encryption-agreement.ts';
import { keepPresence } from './coordination/presence.ts';
import { indexProcesses } from './coordination/processes.ts';
import { inHand } from './intake/intake.ts';
import { closedText } from './intake/valve.ts';
import { closedIfItFails, openDatabase } from './mongo/own-database.ts';
import { createGuard } from './runtime/guard.ts';
import type { QueueHealth } from './runtime/health.ts';
import type { Log } from './runtime/log.ts';
import type { Metrics } from './runtime/metrics.ts';
import { within } from './runtime/retry.ts';
import { createTemporalWorker } from './temporal/create-worker.ts';
import { connectNative } from './temporal/native-connection.ts';
import { indexTaskClaims, openTaskClaims } from './tasks/claims.ts';
import { startMetricPush, type MetricApi, type MetricPush } from './tasks/metric-push.ts';
import { createTaskMetrics } from './tasks/metrics.ts';
import { refuseElsewhere } from './tasks/on-host.ts';
import { openResults } from './tasks/results.ts';
import { createBrokers } from './tasks/brokers.ts';
import {
  FORCE_MS,
  shutDown,
  startTaskWorker,
  type GivenWorker,
  type Shared,
  type TaskWorker,
} from './task-worker.ts';

interface Needs {
  config: Config;
  workers: GivenWorker[];
  /** Of queues.yaml. */
  queues: readonly QueueSetting[];
  client: Client;
  metrics: Metrics;
  log: Log;
  /** Told what becomes of counted tasks. */
  metricApi?: MetricApi | undefined;
  /** The task queue of this process alone, where one that comes after it is to have the same. */
  process?: string;
}

export interface RunningWorkers {
  checks(): Record<string, boolean>;
  closedBy(): Record<string, QueueHealth['closedBy']>;
  /** By the name of the queue or topic. */
  queues(): Record<string, QueueHealth>;
  /** Settles when one of Temporal's workers has ended; rejects when it failed. */
  ended: Promise<unknown>;
  /** One more, while the others run. */
  add(one: Needs['workers'][number]): void;
  /** Ends one, and waits for its handlers. */
  remove(name: string): Promise<void>;
  /** Counted tasks are told to this API from now on, or to none. */
  tellMetrics(api: MetricApi | undefined): Promise<void>;
  /** Takes nothing more, lets handlers finish for a while, and leaves. */
  stop(): Promise<void>;
}

/** Activities that only wait: one for each run that has slow calls here. */
const MOST_FOLLOWED = 10_000;

/** @throws Error that names the neighbour that cannot be reached */
export async function startTaskWorkers(needs: Needs): Promise<RunningWorkers> {
  const close: Close[] = [];
  try {
    return await start(needs, close);
  } catch (error) {
    await closeAll(close);
    throw error;
  }
}

type Close = () => unknown;

/** What was opened last first. */
async function closeAll(close: Close[]): Promise<void> {
  for (const each of close.splice(0).reverse())
    await Promise.allSettled([Promise.resolve().then(each)]);
}

async function start(needs: Needs, close: Close[]): Promise<RunningWorkers> {
  const { config, queues, client, metrics, log } = needs;
  const workers = [...needs.workers];
  const taskMetrics = createTaskMetrics(metrics.registry);
  const connection = await connectNative(config, log);
  close.push(() => connection.close());
  const results = await openResults(config, taskMetrics, log);
  close.push(results.close);
  const mongo = await openDatabase(config, 'worker');
  close.push(() => mongo.close());
  const { own } = mongo;
  const claims = openTaskClaims(own);
  await closedIfItFails(config, mongo, async () => {
    await indexTaskClaims(claims, config.mongodb.retention);
    await indexMalformed(openMalformed(own), config.mongodb.retention);
    await indexGroups(own);
    await indexProcesses(own, config.ops.workerOfflineTtl);
  });
  const control = openControl(own);
  const actions = openActions(own);
  const agreement = agreementOf(config, () => Promise.resolve(control), log);
  await closedIfItFails(config, mongo, () => agreement.begin());
  const stopping = new AbortController();
  const watch = watchControl(() => control.read(), metrics, log);
  close.push(() => watch.close());
  const guard = createGuard(config.guard, metrics, log);
  close.push(() => guard.close());
  const grouping = keepGroupCounts(own, { retention: config.mongodb.retention, log });
  close.push(() => grouping.close());
  const brokers = createBrokers(config, queues, log, () => watch.now(), stopping.signal);
  close.push(() => brokers.close());
  const underWay = createUnderWay();
  const running = createRunning(underWay);
  const ownQueue =
    needs.process ?? `${config.temporal.taskQueue}@${hostname()}/${randomUUID().slice(0, 8)}`;

  const follower = await createTemporalWorker(config, {
    connection,
    taskQueue: ownQueue,
    activities: { followTasks: createFollow({ process: ownQueue, claims, running }) },
    maxConcurrentActivityTaskExecutions: MOST_FOLLOWED,
    workflowThreads: 0,
    shutdownForceTime: FORCE_MS,
  });
  const followerEnded = follower.run();
  const started = new Map<string, TaskWorker>();
  const failed = Promise.withResolvers<never>();
  const presence = keepPresence({
    ...{ ops: config.ops, role: 'tasks', db: () => Promise.resolve(own), guard, log },
    sources: () => Promise.all(workers.map(sourceOf)),
    says: () => workers.map(({ worker: { name } }) => `${name}: ${closedBy(name)}`).join(),
  });
  close.push(() => presence.close());
  const shared: Shared = {
    ...{ config, client, connection, process: ownQueue, own, claims, control, actions },
    ...{ watch, agreement, guard, brokers, results, running, metrics, taskMetrics, log },
    stopping: stopping.signal,
  };
  let push: MetricPush | null = null;
  const tellMetrics = async (api: MetricApi | undefined): Promise<void> => {
    const before = push;
    push = null;
    await before?.close();
    if (api !== undefined) push = startMetricPush(own, api, log);
  };
  await tellMetrics(needs.metricApi);
  close.push(() => push?.close());
  // A broker that is away holds up its own workers alone.
  const starting = new Map(workers.map((one) => [one.worker.name, begin(one)]));
  const ended: Promise<unknown> = Promise.race([followerEnded, failed.promise]);
  ended.catch(() => {});

  function begin(one: Needs['workers'][number]): Promise<TaskWorker | null> {
    const up = startOne(one);
    // Ended though nobody has stopped it.
    const end = async (): Promise<void> => {
      const here = await up;
      if (here === null) return;
      await here.ended;
      if (started.get(one.worker.name) === here && !stopping.signal.aborted)
        throw new Error(`The worker ${one.worker.name} has ended by itself`);
    };
    end().catch(failed.reject);
    return up;
  }

  /** Null when we have stopped before it had started. */
  async function startOne(one: Needs['workers'][number]): Promise<TaskWorker | null> {
    try {
      if (one.worker.from.broker === 'folder')
        refuseElsewhere(one.worker, (await control.read()).processes);
      const up = await startTaskWorker(shared, one);
      started.set(one.worker.name, up);
      return up;
    } catch (error) {
      if (stopping.signal.aborted) return null;
      throw error;
    }
  }

  async function sourceOf({ worker }: Needs['workers'][number]) {
    const { name, from, queue, concurrency } = worker;
    const calls = started.get(name)?.slots.onTheWire() ?? 0;
    return {
      name,
      deliveries: await inHand(metrics, name),
      closedBy: closedBy(name),
      worker: { from, ofFile: queue !== null, calls, concurrency },
    };
  }

  function closedBy(name: string): string | null {
    const here = started.get(name);
    return here === undefined ? AWAY : closedText(here.intake.closedBy());
  }

  return {
    checks: () => ({
      ...Object.fromEntries(
        workers.map(({ worker: { name } }) => [name, started.get(name)?.intake.isReady() === true]),
      ),
      temporal: follower.getState() === 'RUNNING' && [...started.values()].every(canStart),
    }),
    closedBy: () =>
      Object.fromEntries([...started].map(([name, { intake }]) => [name, intake.closedBy()])),
    queues() {
      const all: Record<string, QueueHealth> = {};
      for (const { worker } of workers) {
        const intake = started.get(worker.name)?.intake;
        const { name } = worker.from;
        const isTaken = intake !== undefined && intake.isReady() && intake.canStart();
        const isHealthy = isTaken && all[name]?.status !== 'unhealthy';
        all[name] = {
          status: isHealthy ? 'healthy' : 'unhealthy',
          closedBy: { ...all[name]?.closedBy, ...intake?.closedBy() },
        };
      }
      return all;
    },
    ended,
    add(one) {
      workers.push(one);
      starting.set(one.worker.name, begin(one));
    },
    tellMetrics,
    async remove(name) {
      const up = await starting.get(name);
      starting.delete(name);
      started.delete(name);
      workers.splice(0, Infinity, ...workers.filter(({ worker }) => worker.name !== name));
      await up?.stop();
    },
    async stop() {
      stopping.abort(new Error('stopping'));
      const all = await Promise.allSettled(starting.values());
      const up = all.flatMap((one) => (one.status === 'fulfilled' ? (one.value ?? []) : []));
      await Promise.all(up.map((one) => one.stop()));
      // What came of calls that their activities have left.
      await within(RECORD_MS, 'the records of calls', underWay.idle()).catch(() => {});
      shutDown(follower);
      await Promise.allSettled([followerEnded]);
      await closeAll(close);
    },
  };
}

const canStart = ({ intake }: TaskWorker): boolean => intake.canStart();

const AWAY = 'its broker has not been reached yet';
/** Waited at a stop for what is still to be written down. */
const RECORD_MS = 10_000;
