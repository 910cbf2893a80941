/** The intake of registrations: reads deliveries, names their runs, and brings malformed ones to the failure queue. */
import { randomUUID } from 'node:crypto';
import { createConsumer } from '../broker/rabbitmq/consumer.ts';
import type { Failures } from '../broker/rabbitmq/dead-letters.ts';
import type { MalformedMessage } from '../claims/set-aside.ts';
import type { Config } from '../config/schema.ts';
import { REGISTRATIONS, workflowId } from '../domain/names.ts';
import type { Rules } from '../domain/registrations/rules.ts';
import type { RunInput } from '../domain/registrations/run-input.ts';
import { startIntake, type Intake } from '../intake/intake.ts';
import { createReject } from '../intake/reject.ts';
import type { Log } from '../runtime/log.ts';
import type { Metrics } from '../runtime/metrics.ts';
import type { StartResult } from '../temporal/client.ts';
import { encodedBytes, readDelivery } from './delivery.ts';

export interface RegistrationIntakeNeeds {
  config: Config;
  /** What a run takes along, by its id and size: the plan of polls changes as we learn. */
  rulesFor: (workflowId: string, size: number) => Rules;
  failures: Failures;
  /** Keeps what the failure queue can never take; false when it is too large here, too. */
  setAside: (message: MalformedMessage, reason: string) => Promise<boolean>;
  /** Notes, for the audit, that the failure queue has the record. */
  noteMalformed: (body: Buffer, reason: string, at: Date) => Promise<void>;
  /** @throws when Temporal cannot be asked */
  start: (workflowId: string, input: RunInput) => Promise<StartResult>;
  /** Epoch ms by the clock of MongoDB. */
  now?: () => number;
  metrics: Metrics;
  log: Log;
}

/** @throws QueueMismatch, BrokerRefusal: see broker/rabbitmq/consumer.ts */
export function startRegistrationIntake(needs: RegistrationIntakeNeeds): Promise<Intake> {
  const { config, rulesFor, metrics, log, now = Date.now } = needs;
  const { batchSize, batchBytes, batchWait, partialBatchesPerSecond } = config.intake;
  return startIntake({
    source: REGISTRATIONS,
    open: (onDelivery) => createConsumer(config, log, onDelivery, { paused: true, now }),
    read: (delivery) => readDelivery(delivery, config),
    bytesOf: encodedBytes,
    batch: {
      size: batchSize,
      bytes: batchBytes,
      waitMs: batchWait,
      partialPerSecond: partialBatchesPerSecond,
    },
    nameRun: (items) =>
      workflowId(
        REGISTRATIONS,
        items.map(({ label }) => label),
        randomUUID().slice(0, 13),
      ),
    start: (id, registrations) =>
      needs.start(id, { rules: rulesFor(id, registrations.length), registrations, carried: null }),
    reject: createReject(needs),
    countMalformed: () => metrics.outcomes.inc({ outcome: 'malformed' }),
    metrics,
    log,
  });
}
