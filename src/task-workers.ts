/** Runs workers: for each an intake, its runs, its handler calls, and what they publish; in one process. */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { NativeConnection, Worker } from '@temporalio/worker';
import type { Client } from '@temporalio/client';
import { createRedrive } from '../activities/operations/redrive.ts';
import { createFollow } from '../activities/tasks/follow.ts';
import { createTaskActivities } from '../activities/tasks/create.ts';
import { createRunning } from '../activities/tasks/running.ts';
import { createUnderWay } from '../activities/under-way.ts';
import { openMalformed } from './claims/malformed.ts';
import { openSetAside } from './claims/set-aside.ts';
import type { QueueSetting } from './config/queues.ts';
import type { Config } from './config/schema.ts';
import { openActions } from './coordination/actions.ts';
import { openControl } from './coordination/control.ts';
import { watchControl } from './coordination/control-watch.ts';
import { agreementOf } from './coordination/encryption-agreement.ts';
import { indexProcesses, joinProcesses, keepBeating } from './coordination/processes.ts';
import { handleQueue, workerQueue } from './domain/names.ts';
import { followControl } from './intake/holds.ts';
import { inHand, type Intake } from './intake/intake.ts';
import { createReject } from './intake/reject.ts';
import { closedText } from './intake/valve.ts';
import { EXPIRY, OWN } from './mongo/collections.ts';
import { expireAfter } from './mongo/indexes.ts';
import { closedIfItFails, openDatabase } from './mongo/own-database.ts';
import { taskRedriveWork } from './operations/task-redrive.ts';
import { keepUp } from './operations/task-upkeep.ts';
import { createGuard } from './runtime/guard.ts';
import type { QueueHealth } from './runtime/health.ts';
import type { Log } from './runtime/log.ts';
import type { Metrics } from './runtime/metrics.ts';
import { every, type Every } from './runtime/every.ts';
import { within } from './runtime/retry.ts';
import { createSlots, type Slots } from './runtime/slots.ts';
import { createTemporalWorker } from './temporal/create-worker.ts';
import { startRun } from './temporal/client.ts';
import { connectNative } from './temporal/native-connection.ts';
import { runStates } from './temporal/runs.ts';
import { indexTaskClaims, openTaskClaims } from './tasks/claims.ts';
import { startTaskIntake } from './tasks/intake.ts';
import { createTaskMetrics, type TaskMetrics } from './tasks/metrics.ts';
import { openResults } from './tasks/results.ts';
import { createBrokers } from './tasks/brokers.ts';
import type { Running } from './tasks/rules.ts';
import type { Caller } from './workers/call.ts';

interface Needs {
  config: Config;
  workers: { worker: Running; caller: Caller }[];
  /** Of queues.yaml. */
  queues: readonly QueueSetting[];
  client: Client;
  metrics: Metrics;
  log: Log;
}

export interface RunningWorkers {
  checks(): Record<string, boolean>;
  closedBy(): Record<string, ReturnType<Intake['closedBy']>>;
  /** By the name of the queue or topic. */
  queues(): Record<string, QueueHealth>;
  /** Settles when one of Temporal's workers has ended; rejects when it failed. */
  ended: Promise<unknown>;
  /** Takes nothing more, lets handlers finish for a while, and leaves. */
  stop(): Promise<void>;
}

/** Open tasks of a worker, in all processes, from which on no more are taken. */
const MOST_OPEN = 10_000;
const BACKLOG_MS = 1_000;
/** Activities that only wait: one for each run that has slow calls here. */
const MOST_FOLLOWED = 10_000;

/** @throws Error that names the neighbour that cannot be reached */
export async function startTaskWorkers(needs: Needs): Promise<RunningWorkers> {
  const { config, metrics, log } = needs;
  const taskMetrics = createTaskMetrics(metrics.registry);
  const connection = await connectNative(config, log);
  const close: (() => unknown)[] = [() => connection.close()];
  try {
    const results = await openResults(config, taskMetrics, log);
    close.push(results.close);
    return await startOver({ ...needs, connection, results, taskMetrics });
  } catch (error) {
    for (const each of close) await each();
    throw error;
  }
}

interface Base extends Needs {
  connection: NativeConnection;
  results: Awaited<ReturnType<typeof openResults>>;
  taskMetrics: TaskMetrics;
}

async function startOver(base: Base): Promise<RunningWorkers> {
  const { connection, results, taskMetrics, ...needs } = base;
  const { config, workers, queues, client, metrics, log } = needs;
  const mongo = await openDatabase(config, 'worker');
  const { own } = mongo;
  const claims = openTaskClaims(own);
  await closedIfItFails(config, mongo, async () => {
    await indexTaskClaims(claims, config.mongodb.retention);
    await expireAfter(
      openMalformed(own).collection,
      EXPIRY[OWN.malformed],
      config.mongodb.retention,
    );
    await indexProcesses(own);
  });
  const control = openControl(own);
  const actions = openActions(own);
  const agreement = agreementOf(config, () => Promise.resolve(control), log);
  await closedIfItFails(config, mongo, () => agreement.begin());
  const watch = watchControl(() => control.read(), log);
  const guard = createGuard(config.guard, metrics, log);
  const brokers = createBrokers(config, queues, log, () => watch.now());
  const underWay = createUnderWay();
  const running = createRunning(underWay);
  let isStopping = false;
  const ownQueue = `${config.temporal.taskQueue}@${hostname()}/${randomUUID().slice(0, 8)}`;
  const setAside = openSetAside(own);
  const malformed = openMalformed(own);

  const follower = await createTemporalWorker(config, {
    connection,
    taskQueue: ownQueue,
    activities: { followTasks: createFollow({ process: ownQueue, claims, running }) },
    maxConcurrentActivityTaskExecutions: MOST_FOLLOWED,
    workflowThreads: 0,
    shutdownForceTime: FORCE_MS,
  });
  const followerEnded = follower.run();
  const started = new Map<string, { intake: Intake; slots: Slots }>();
  /** Of workers that are up, or on their way. */
  const stops: (() => Promise<void>)[] = [];
  // A broker that is away holds up its own workers alone.
  const me = joinProcesses({
    db: () => Promise.resolve(own),
    role: 'tasks',
    guard,
    sources: () => Promise.all(workers.map(sourceOf)),
  });
  const beating = keepBeating(async () => void (await me.beat()), guard, log);
  void beating.run();
  const ended: Promise<unknown> = Promise.race([...workers.map(startOne), followerEnded]);
  ended.catch(() => {});

  /** Settles when one of its workers of Temporal's has ended. */
  async function startOne({ worker, caller }: Needs['workers'][number]): Promise<void> {
    const { open, channels, failures } = await brokers.connect(worker);
    const slots = createSlots(worker.concurrency);
    const activities = createTaskActivities({
      worker: worker.name,
      batchSize: worker.batch?.size ?? null,
      results: results.of(worker),
      process: ownQueue,
      claims,
      caller,
      slots,
      aloneSlots: createSlots(1),
      isStopping: () => isStopping,
      running,
      channels,
      runStates: (ids) => runStates(client, ids),
      metrics: taskMetrics,
      log,
    });
    const taskQueue = workerQueue(config.temporal.taskQueue, worker.name);
    const upkeep = { config, worker, client, own, claims, actions, control, log };
    const redrive = taskRedriveWork({
      ...{ config, worker, own, claims, actions },
      start: (run) => startRun(client, run),
    });
    const runs = await createTemporalWorker(config, {
      connection,
      taskQueue,
      activities: { ...activities, ...createRedrive(redrive) },
      maxConcurrentActivityTaskExecutions: config.worker.maxConcurrentActivities,
      workflowThreads: 1,
      shutdownForceTime: FORCE_MS,
    });
    // As many as can have a call: what no process has begun waits in Temporal for whoever is free first.
    const handlers = await createTemporalWorker(config, {
      connection,
      taskQueue: handleQueue(taskQueue),
      activities: { handleTasks: activities.handleTasks },
      maxConcurrentActivityTaskExecutions: worker.concurrency,
      workflowThreads: 0,
      shutdownForceTime: FORCE_MS,
    });
    const temporalEnded = [runs, handlers].map((each) => each.run());
    let intake: Intake | null = null;
    let backlog: Every | null = null;
    const keeping = keepUp(upkeep);
    stops.push(async () => {
      await Promise.all([backlog?.close(), keeping.close()]);
      await intake?.stop();
      // Its runs are driven on while its handlers finish, so that they hear of it.
      shutDown(handlers);
      await caller.stop(config.worker.shutdownGrace);
      shutDown(runs);
      await Promise.allSettled(temporalEnded);
    });
    const opened = await startTaskIntake({
      config,
      worker,
      open,
      reject: createReject({
        failures: worker.deadLetters === null ? null : failures,
        setAside: (message, reason) => setAside.putMalformed(message, reason),
        noteMalformed: (body, reason, at) => malformed.note(body, reason, at, worker.name),
        metrics,
        log,
      }),
      start: (run) => startRun(client, run),
      metrics,
      taskMetrics,
      log,
    });
    intake = opened;
    started.set(worker.name, { intake: opened, slots });
    followControl(opened, watch, guard, agreement, worker.name, null);
    void watch.refresh();
    backlog = every(BACKLOG_MS, () => followBacklog(worker.name, opened), log, {
      failed: 'MongoDB cannot say how many tasks are open: intake goes on as it is',
      again: 'MongoDB says again how many tasks are open',
    });
    await Promise.race(temporalEnded);
  }

  async function sourceOf({ worker: { name, from, concurrency } }: Needs['workers'][number]) {
    const here = started.get(name);
    return {
      name,
      deliveries: await inHand(metrics, name),
      closedBy: here === undefined ? AWAY : closedText(here.intake.closedBy()),
      worker: { from, calls: here?.slots.onTheWire() ?? 0, concurrency },
    };
  }

  /** The rest of a backlog stays in its source, where it costs nothing and everybody sees it. */
  async function followBacklog(worker: string, intake: Intake): Promise<void> {
    const open = await claims.countOpen(worker, MOST_OPEN);
    if (open >= MOST_OPEN) intake.hold('backlog', `${MOST_OPEN} tasks are open, or more`);
    else if (open < MOST_OPEN / 2) intake.letGo('backlog');
  }

  return {
    checks: () => ({
      ...Object.fromEntries(
        workers.map(({ worker: { name } }) => [name, started.get(name)?.intake.isReady() === true]),
      ),
      temporal: follower.getState() === 'RUNNING',
    }),
    closedBy: () =>
      Object.fromEntries([...started].map(([name, { intake }]) => [name, intake.closedBy()])),
    queues: () =>
      Object.fromEntries(
        workers.map(({ worker: { name, from } }) => {
          const intake = started.get(name)?.intake;
          const status = intake?.isReady() === true ? 'healthy' : 'unhealthy';
          return [from.name, { status, closedBy: intake?.closedBy() ?? {} }];
        }),
      ),
    ended,
    async stop() {
      isStopping = true;
      await Promise.all(stops.map((stop) => stop()));
      // What came of calls that their activities have left.
      await within(RECORD_MS, 'the records of calls', underWay.idle()).catch(() => {});
      shutDown(follower);
      await Promise.allSettled([followerEnded]);
      guard.close();
      await Promise.allSettled([watch.close(), beating.close()]);
      await me.stop();
      await Promise.allSettled([brokers.close(), mongo.close(), connection.close()]);
      results.close();
    },
  };
}

const shutDown = (worker: Worker): void => {
  if (worker.getState() === 'RUNNING') worker.shutdown();
};

const AWAY = 'its broker has not been reached yet';
/** Waited at a stop for what is still to be written down. */
const RECORD_MS = 10_000;
/** After its grace a handler is told to stop; its process ends soon after. */
const FORCE_MS = 60_000;
