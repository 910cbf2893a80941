/** One worker in this process: its intake, its runs, its handler calls, and what they publish. */
import type { NativeConnection, Worker } from '@temporalio/worker';
import type { Client } from '@temporalio/client';
import { createRedrive } from '../activities/operations/redrive.ts';
import { createTaskActivities } from '../activities/tasks/create.ts';
import type { createRunning } from '../activities/tasks/running.ts';
import { openMalformed } from './claims/malformed.ts';
import { openSetAside } from './claims/set-aside.ts';
import type { Config } from './config/schema.ts';
import type { Actions } from './coordination/actions.ts';
import type { ControlWatch } from './coordination/control-watch.ts';
import type { ControlStore } from './coordination/control.ts';
import type { Agreement } from './coordination/encryption-agreement.ts';
import { handleQueue, workerQueue } from './domain/names.ts';
import { followControl } from './intake/holds.ts';
import type { Intake } from './intake/intake.ts';
import { createReject } from './intake/reject.ts';
import { openEndpointGate } from './outbound/endpoint-gate.ts';
import type { OwnDatabase } from './mongo/collections.ts';
import { taskRedriveWork } from './operations/task-redrive.ts';
import { keepUp } from './operations/task-upkeep.ts';
import { every } from './runtime/every.ts';
import { unlessAborted } from './runtime/retry.ts';
import type { Guard } from './runtime/guard.ts';
import type { Log } from './runtime/log.ts';
import type { Metrics } from './runtime/metrics.ts';
import { createSlots, type Slots } from './runtime/slots.ts';
import type { Brokers, Connected } from './tasks/brokers.ts';
import type { TaskClaims } from './tasks/claims.ts';
import { laneNeeds } from './tasks/hand-over.ts';
import { startTaskIntake } from './tasks/intake.ts';
import type { TaskMetrics } from './tasks/metrics.ts';
import type { Results } from './tasks/results.ts';
import type { Running } from './tasks/rules.ts';
import { createTemporalWorker } from './temporal/create-worker.ts';
import { runStates } from './temporal/runs.ts';
import type { Caller } from './workers/call.ts';

/** What the workers of a process share. */
export interface Shared {
  config: Config;
  client: Client;
  connection: NativeConnection;
  /** The task queue of this process alone. */
  process: string;
  own: OwnDatabase;
  claims: TaskClaims;
  control: ControlStore;
  actions: Actions;
  watch: ControlWatch;
  agreement: Agreement;
  guard: Guard;
  brokers: Brokers;
  results: { of(worker: Running): Results };
  running: ReturnType<typeof createRunning>;
  metrics: Metrics;
  taskMetrics: TaskMetrics;
  log: Log;
  /** Aborted when the process is to stop. */
  stopping: AbortSignal;
}

export interface GivenWorker {
  worker: Running;
  caller: Caller;
  /** Where it does not take from a broker. */
  connected?: (claims: TaskClaims) => Connected;
  /** Where they are not kept as the settings say. */
  results?: Results;
}

export interface TaskWorker {
  intake: Intake;
  slots: Slots;
  /** Settles when one of its workers of Temporal's has ended; rejects when it failed. */
  ended: Promise<unknown>;
  /** Takes nothing more, and lets handlers finish for a while. */
  stop(): Promise<void>;
}

/** Open tasks of a worker, in all processes, from which on no more are taken. */
const MOST_OPEN = 10_000;
const BACKLOG_MS = 1_000;
/** After its grace a handler is told to stop; its process ends soon after. */
export const FORCE_MS = 60_000;

/** Waits for its broker, however long. @throws what keeps it from starting, or the reason of `stopping`; nothing of it is left then */
export async function startTaskWorker(
  shared: Shared,
  { worker, caller, connected, results }: GivenWorker,
): Promise<TaskWorker> {
  const { config, client, connection, own, claims, control, actions, metrics, log } = shared;
  const { taskMetrics, stopping, brokers } = shared;
  const taskQueue = workerQueue(config.temporal.taskQueue, worker.name);
  const ofTemporal: { runs?: Worker; handlers?: Worker } = {};
  const temporalEnded: Promise<void>[] = [];
  const run = (each: Worker): Worker => {
    const ended = each.run();
    // Whoever waits for it comes later.
    ended.catch(() => {});
    temporalEnded.push(ended);
    return each;
  };
  /** Aborted when it has ended: whatever others go on with tells it nothing more. */
  const leaving = new AbortController();
  const watch: ControlWatch = {
    ...shared.watch,
    onRead: (listener) => shared.watch.onRead(listener, leaving.signal),
  };
  const guard: Guard = {
    ...shared.guard,
    onChange: (listener) => shared.guard.onChange(listener, leaving.signal),
  };
  /** Of what it has so far. */
  const ends: (() => Promise<unknown>)[] = [];
  const upkeep: { close: () => Promise<unknown> }[] = [];

  async function stop(): Promise<void> {
    // It may wait for a server that hangs; handlers hear of the stop meanwhile.
    const kept = upkeep.map((each) => each.close());
    for (const end of ends.toReversed()) await end();
    // Its runs are driven on while its handlers finish, so that they hear of it.
    shutDown(ofTemporal.handlers);
    await caller.stop(config.worker.shutdownGrace);
    shutDown(ofTemporal.runs);
    await Promise.allSettled([...temporalEnded, ...kept]);
    leaving.abort();
  }

  try {
    return await start();
  } catch (error) {
    await stop();
    throw error;
  }

  async function start(): Promise<TaskWorker> {
    const { open, channels, failures } =
      connected?.(claims) ?? (await unlessAborted(stopping, brokers.connect(worker)));
    const slots = createSlots(worker.concurrency);
    const activities = createTaskActivities({
      ...{ process: shared.process, running: shared.running, claims, caller, channels, slots, log },
      worker: worker.name,
      batchSize: worker.batch?.size ?? null,
      isCounted: worker.isCounted === true,
      ...(worker.mayComeAgain === undefined ? {} : { mayComeAgain: worker.mayComeAgain }),
      results: results ?? shared.results.of(worker),
      isStopping: () => stopping.aborted,
      runStates: (ids) => runStates(client, ids),
      metrics: taskMetrics,
    });
    const lanes = laneNeeds({ config, worker, claims, client, log });
    const redrive = taskRedriveWork({
      ...{ own, actions, lanes },
      claims,
    });
    ofTemporal.runs = run(
      await createTemporalWorker(config, {
        connection,
        taskQueue,
        activities: { ...activities, ...createRedrive(redrive) },
        maxConcurrentActivityTaskExecutions: config.worker.maxConcurrentActivities,
        workflowThreads: 1,
        shutdownForceTime: FORCE_MS,
      }),
    );
    // As many as can have a call: what no process has begun waits in Temporal for whoever is free first.
    ofTemporal.handlers = run(
      await createTemporalWorker(config, {
        connection,
        taskQueue: handleQueue(taskQueue),
        activities: { handleTasks: activities.handleTasks },
        maxConcurrentActivityTaskExecutions: worker.concurrency,
        workflowThreads: 0,
        shutdownForceTime: FORCE_MS,
      }),
    );
    worker.sends?.pass(
      openEndpointGate({
        ...{ own, metrics, log },
        endpoint: worker.sends.endpoint,
        watch,
      }),
    );
    stopping.throwIfAborted();
    const setAside = openSetAside(own);
    const malformed = openMalformed(own);
    const starting = startTaskIntake({
      lanes,
      open,
      reject: createReject({
        failures: worker.deadLetters === null ? null : failures,
        setAside: (message, reason) => setAside.putMalformed(message, reason),
        noteMalformed: (body, reason, at) => malformed.note(body, reason, at, worker.name),
        metrics,
        log,
      }),
      metrics,
      taskMetrics,
      log,
    });
    // Its broker may be away for hours: one that is reached too late is left again.
    const intake = await Promise.race([starting, endedByItself()]).catch((error: unknown) => {
      starting.then((late) => late.stop()).catch(() => {});
      throw error;
    });
    ends.push(() => intake.stop());
    stopping.throwIfAborted();
    const keeping = keepUp({ config, worker, client, own, claims, actions, control, log });
    upkeep.push(keeping);
    followControl(
      intake,
      watch,
      guard,
      shared.agreement,
      worker.name,
      worker.sends?.endpoint ?? null,
    );
    void watch.refresh();
    if (worker.isBounded !== true) {
      const backlog = every(BACKLOG_MS, () => followBacklog(intake), log, {
        runbook: 'mongodb-away',
        failed: 'MongoDB cannot say how many tasks are open: intake goes on as it is',
        again: 'MongoDB says again how many tasks are open',
      });
      upkeep.push(backlog);
    }
    return { intake, slots, ended: Promise.race(temporalEnded), stop };
  }

  async function endedByItself(): Promise<never> {
    await Promise.race(temporalEnded);
    throw new Error(`The worker ${worker.name} has ended by itself`);
  }

  /** The rest of a backlog stays in its source, where it costs nothing and everybody sees it. */
  async function followBacklog(intake: Intake): Promise<void> {
    const open = await claims.countOpen(worker.name, MOST_OPEN);
    if (open >= MOST_OPEN) intake.hold('backlog', `${MOST_OPEN} tasks are open, or more`);
    else if (open < MOST_OPEN / 2) intake.letGo('backlog');
  }
}

export const shutDown = (worker: Worker | undefined): void => {
  if (worker?.getState() === 'RUNNING') worker.shutdown();
};
