/** The worker process: builds the adapters, gives them to the activities, and runs them and the workflows. */
import { createActivities } from '../activities/registrations/create.ts';
import { createRedrive } from '../activities/operations/redrive.ts';
import { createSweep } from '../activities/registrations/sweep.ts';
import { createUnderWay } from '../activities/under-way.ts';
import { keepGroupCounts } from './claims/group-counts.ts';
import type { Config } from './config/schema.ts';
import { watchControl } from './coordination/control-watch.ts';
import { agreementOf } from './coordination/encryption-agreement.ts';
import { createDoubtGauge, knownDoubts } from './registrations/doubts.ts';
import { longestDrainMs } from './config/drain.ts';
import { createFailures } from './broker/rabbitmq/dead-letters.ts';
import { createGuard } from './runtime/guard.ts';
import { within } from './runtime/retry.ts';
import { lookForLate, statusThrough } from './registrations/late.ts';
import { createLegacy } from './registrations/legacy.ts';
import { createLearner } from './registrations/learner.ts';
import type { Log } from './runtime/log.ts';
import type { Metrics } from './runtime/metrics.ts';
import { createPlans } from './registrations/plans.ts';
import { openPublisher } from './registrations/neighbours.ts';
import { redriveWork } from './operations/redrive-work.ts';
import { openStore } from './registrations/store.ts';
import { runStates } from './temporal/runs.ts';
import { sweep, sweepNeeds } from './registrations/sweep.ts';
import { connectTemporal } from './temporal/client.ts';
import { createTemporalWorker } from './temporal/create-worker.ts';
import { connectNative } from './temporal/native-connection.ts';
import { openLegacyGate } from './registrations/legacy-gate.ts';

/** @throws Error that names the neighbour that cannot be reached */
export async function startWorker(config: Config, metrics: Metrics, log: Log) {
  const store = await openStore(config, 'worker', (sentence) =>
    log.error({ runbook: 'mongodb-away' }, sentence),
  );
  const agreement = agreementOf(config, () => Promise.resolve(store.control), log);
  await agreement.begin().catch(async (error: unknown) => {
    await store.close();
    throw error;
  });
  const watch = watchControl(() => store.control.read(), metrics, log);
  watch.onRead((control) => void agreement.follow(control));
  const publisher = await openPublisher(config, 'despachante worker', log);
  const guard = createGuard(config.guard, metrics, log);
  const legacyGate = await openLegacyGate(config, store, watch, guard, metrics, log);
  const legacy = createLegacy(config, {
    observe: (heard, reason) => legacyGate.observe(heard, reason),
  });
  const connection = await connectNative(config, log);
  const client = await connectTemporal(config);
  const plans = createPlans(config, metrics, log, { read: () => store.latencies.read() });
  const learner = createLearner(store.latencies, plans, log);
  const grouping = keepGroupCounts(store.own, { retention: config.mongodb.retention, log });
  const { gate, inFlight } = legacyGate;
  const status = statusThrough(gate, legacy);
  const sweepAll = async () => {
    const swept = await sweep(sweepNeeds(config, store, client));
    for (const workflowId of swept.unreadable) {
      log.warn(
        { runbook: 'encryption-key', workflowId },
        'The messages of an ended run cannot be read: those that it had not claimed are not taken up',
      );
    }
    const late = await lookForLate({ config, store, status, log });
    for (const { status: kind } of late) metrics.lateResults.inc({ status: kind });
    return { ...swept, late: late.length };
  };
  const underWay = createUnderWay();
  const activities = createActivities({
    ...store,
    legacy,
    failures: createFailures(publisher, config.rabbit),
    runStates: (workflowIds) => runStates(client, workflowIds),
    learner,
    plans,
    gate,
    inFlight,
    underWay,
    metrics,
    log,
    legacyTimeoutMs: config.legacy.timeout,
    uniqueRequestIds: config.legacy.uniqueRequestIds,
  });
  const worker = await createTemporalWorker(config, {
    connection,
    taskQueue: config.temporal.taskQueue,
    activities: {
      ...activities,
      ...createRedrive(redriveWork({ config, store, publisher })),
      ...createSweep(sweepAll),
    },
    maxConcurrentActivityTaskExecutions: config.worker.maxConcurrentActivities,
    // A second one costs 40 MB, and made no run of the bench quicker.
    workflowThreads: 1,
    shutdownForceTime: longestDrainMs(config),
  });
  let isRunning = true;
  const ended = worker.run().finally(() => (isRunning = false));
  ended.catch(() => {});
  return {
    checks: () => ({
      rabbitmq: publisher.isReady(),
      temporal: isRunning && worker.getState() === 'RUNNING',
    }),
    /** What keeps requests from the legacy system, for people. */
    waitReason: () => legacyGate.waitReason(),
    refresh: createDoubtGauge(metrics.inDoubt, async () => (await knownDoubts(store)).length),
    /** Settles when the worker has ended; rejects when it failed. */
    ended,
    /** Takes no more tasks, lets activities finish, closes the connections. */
    async stop(): Promise<void> {
      const until = performance.now() + longestDrainMs(config);
      if (worker.getState() === 'RUNNING') worker.shutdown();
      await ended.catch(() => {});
      // What activities left on the wire is answered, and the journal told, within the time that a stop may take.
      const rest = Math.max(0, until - performance.now());
      await within(rest, 'calls under way', underWay.idle()).catch(() => {});
      guard.close();
      for (const each of [learner, plans, grouping, legacyGate, watch]) await each.close();
      const adapters = [publisher, legacy, store, connection, client.connection];
      await Promise.allSettled(adapters.map((each) => each.close()));
    },
  };
}
