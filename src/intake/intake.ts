/**
 * Intake: takes deliveries, gathers batches, starts a run for each, then acknowledges. Reading order:
 * onDelivery → (malformed: to the failure queue) → gatherer → startBatch → ack.
 */
import { randomUUID } from 'node:crypto';
import type { NewRegistration, Rules } from '../domain/registrations/batch.ts';
import { workflowId } from '../domain/names.ts';
import type { Config } from '../config/schema.ts';
import { failpoint } from '../runtime/failpoint.ts';
import type { FailureRecord, Failures } from '../broker/rabbitmq/dead-letters.ts';
import { createGatherer } from './gather.ts';
import { insist, within } from '../runtime/retry.ts';
import { errorFacts } from '../runtime/log.ts';
import type { Log } from '../runtime/log.ts';
import { encodedBytes, propertiesOf, readDelivery } from '../registrations/delivery.ts';
import { redriveOf } from '../broker/rabbitmq/message.ts';
import type { Metrics } from '../runtime/metrics.ts';
import { createConsumer } from '../broker/rabbitmq/consumer.ts';
import type { Delivery } from '../broker/rabbitmq/consumer.ts';
import { isUnpublishable } from '../broker/rabbitmq/publisher.ts';
import type { RunInput } from '../../workflows/registrations/registrations.ts';
import type { StartResult } from '../temporal/client.ts';
import type { MalformedMessage } from '../claims/set-aside.ts';
import { createValve } from './valve.ts';
import type { Valve } from './valve.ts';

export interface IntakeDependencies {
  config: Config;
  /** What a run is to know of the configuration, by its id: the plan of polls changes with what is learned. */
  rulesFor: (workflowId: string) => Rules;
  failures: Failures;
  /** Keeps what the failure queue can never take; false when that is too large there, too. */
  setAside: (message: MalformedMessage, reason: string) => Promise<boolean>;
  /** Remembers that the failure queue has a malformed delivery's record, for the audit. */
  noteMalformed: (body: Buffer, reason: string) => Promise<void>;
  /** Starts a run; throws when Temporal cannot be asked. */
  start: (workflowId: string, input: RunInput) => Promise<StartResult>;
  /** Epoch ms, as all processes agree on it. */
  now?: () => number;
  metrics: Metrics;
  log: Log;
}

export interface Intake extends Pick<Valve, 'hold' | 'letGo' | 'held'> {
  isReady(): boolean;
  /** Stops taking, hands over what is held, acknowledges it, and leaves. What cannot be handed over goes back. */
  stop(): Promise<void>;
}

interface Accepted {
  delivery: Delivery;
  registration: NewRegistration;
}

/** Runs started at the same time: enough to keep a Temporal on the same machine busy. */
const STARTS = 8;
const DRAIN_MS = 15_000;
/** Waited for MongoDB at most. */
const NOTE_MS = 2_000;

/**
 * Takes nothing until nobody holds it: at first `unknown` does, until it is known whether an operator has paused, and whether
 * others encrypt.
 * @throws QueueMismatch, see rabbit-queues.ts
 */
export async function startIntake(deps: IntakeDependencies): Promise<Intake> {
  const { config, rulesFor, failures, metrics, log } = deps;
  const stop = new AbortController();
  const rejecting = new Set<Promise<void>>();
  let troubles = 0;

  const gatherer = createGatherer<Accepted>({
    size: config.intake.batchSize,
    bytes: config.intake.batchBytes,
    waitMs: config.intake.batchWait,
    partialPerSecond: config.intake.partialBatchesPerSecond,
    concurrency: STARTS,
    bytesOf: ({ registration }) => encodedBytes(registration),
    handOver: (batch) => startBatch(batch).catch(() => {}),
  });
  const valve = createValve(metrics, log);
  valve.hold(
    'unknown',
    'MongoDB has not said yet whether it is paused, and which key others encrypt with',
  );
  const consumer = await createConsumer(config, log, onDelivery, {
    paused: true,
    now: deps.now ?? Date.now,
  });
  await valve.attach(consumer);

  function onDelivery(delivery: Delivery): void {
    metrics.deliveries.inc();
    metrics.unacknowledged.inc();
    const parsed = readDelivery(delivery, config);
    if (parsed.ok) {
      failpoint('intake-parsed');
      gatherer.add({ delivery, registration: parsed.registration });
      return;
    }
    const rejected = reject(delivery, parsed.reason).catch(() => {});
    rejecting.add(rejected);
    void rejected.finally(() => rejecting.delete(rejected));
  }

  /** Starts a run for a batch, however long Temporal is away, and acknowledges. One that is too large is halved. */
  async function startBatch(batch: Accepted[]): Promise<void> {
    const registrations = batch.map(({ registration }) => registration);
    const labels = registrations.map(({ label }) => label);
    const id = workflowId(labels, randomUUID().slice(0, 13));
    failpoint('intake-starting');
    const result = await keepTrying('Temporal cannot start runs', () =>
      deps.start(id, { rules: rulesFor(id), registrations, carried: null }),
    );
    if (result === 'started') {
      failpoint('intake-started');
      metrics.batchSize.observe(batch.length);
      for (const { delivery } of batch) acknowledge(delivery);
      failpoint('intake-acknowledged');
      log.info({ workflowId: id, registrations: batch.length }, 'A run was started');
      return;
    }
    const [only] = batch;
    if (batch.length === 1 && only !== undefined) {
      return reject(only.delivery, 'Temporal refuses to start a run with it');
    }
    const half = Math.ceil(batch.length / 2);
    await Promise.all([startBatch(batch.slice(0, half)), startBatch(batch.slice(half))]);
  }

  /** To the failure queue, confirmed, and only then acknowledged. */
  async function reject(delivery: Delivery, reason: string): Promise<void> {
    const { redrive, token } = redriveOf(delivery.properties.headers);
    const record: FailureRecord = {
      claim: null,
      failureClass: 'malformed',
      reason,
      at: new Date(),
      attempts: 0,
      requestId: null,
      workflowId: null,
      // It may be a redrive that is malformed by another configuration: the next one must go on from there.
      redrive: redrive ?? 0,
      token: token ?? null,
      body: delivery.body,
      properties: propertiesOf(delivery),
    };
    const where = await keepTrying('The failure queue cannot take a malformed delivery', () =>
      deliverOrSetAside(record),
    );
    if (where === 'nowhere') return leaveInItsQueue(delivery);
    if (where === 'delivered') await noteMalformed(delivery.body, reason);
    failpoint('intake-malformed-confirmed');
    metrics.malformed.inc();
    metrics.outcomes.inc({ outcome: 'malformed' });
    log.info({ outcome: 'malformed', reason }, 'A delivery was no registration');
    acknowledge(delivery);
  }

  /** A MongoDB that is away holds nothing up: then the audit knows less. */
  async function noteMalformed(body: Buffer, reason: string): Promise<void> {
    const noted = within(
      NOTE_MS,
      'the note of a malformed delivery',
      deps.noteMalformed(body, reason),
    );
    await noted.catch((error: unknown) =>
      log.warn(
        errorFacts(error),
        'A malformed delivery is in the failure queue, and not noted in MongoDB: once others take its record, the audit cannot tell it from one that was lost',
      ),
    );
  }

  async function deliverOrSetAside(record: FailureRecord) {
    try {
      await failures.publish(record);
      return 'delivered';
    } catch (error) {
      if (!isUnpublishable(error)) throw error;
      // One message must not stop all others.
      if (!(await deps.setAside(record, error.message))) return 'nowhere';
      metrics.unroutable.inc();
      log.error(
        errorFacts(error),
        'A malformed delivery was set aside: the failure queue can never take it',
      );
      return 'set aside';
    }
  }

  /** Unacknowledged: the broker keeps it, and hands it to the intake that comes next. */
  function leaveInItsQueue(delivery: Delivery): void {
    delivery.release();
    log.error(
      { bytes: delivery.body.length },
      'A malformed delivery stays in its queue: it is too large for the failure queue and for MongoDB. Raise max_message_size of RabbitMQ and restart the intake',
    );
  }

  function acknowledge(delivery: Delivery): void {
    metrics.unacknowledged.dec();
    delivery.ack();
  }

  /** While anything has to be tried again nothing new is taken: the backlog stays in RabbitMQ, where its alarms see it. */
  async function keepTrying<T>(trouble: string, action: () => Promise<T>): Promise<T> {
    let isTroubled = false;
    try {
      return await insist(action, {
        stop: stop.signal,
        failed(error, restMs) {
          log.warn({ ...errorFacts(error), restMs }, trouble);
          if (isTroubled) return;
          isTroubled = true;
          troubles += 1;
          if (troubles === 1) valve.hold('trouble', trouble);
        },
      });
    } finally {
      if (isTroubled) troubles -= 1;
      if (isTroubled && troubles === 0 && !stop.signal.aborted) valve.letGo('trouble');
    }
  }

  return {
    isReady: () => consumer.isReady() && troubles === 0,
    hold: (by, why) => valve.hold(by, why),
    letGo: (by) => valve.letGo(by),
    held: () => valve.held(),
    async stop() {
      valve.hold('stopping', 'it is told to stop');
      await consumer.pause();
      const late = setTimeout(() => stop.abort(new Error('stopping')), DRAIN_MS);
      await gatherer.drain();
      await Promise.all(rejecting);
      clearTimeout(late);
      stop.abort(new Error('stopped'));
      await consumer.close();
    },
  };
}
