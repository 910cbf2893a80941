/** Brings a delivery that is no item to the dead letters; what those can never take is set aside. */
import type { FailureRecord } from '../broker/rabbitmq/dead-letters.ts';
import { isUnpublishable } from '../broker/rabbitmq/publisher.ts';
import type { Delivery } from '../broker/source.ts';
import type { MalformedMessage } from '../claims/set-aside.ts';
import { errorFacts, type Log } from '../runtime/log.ts';
import type { Metrics } from '../runtime/metrics.ts';
import { within } from '../runtime/retry.ts';

interface RejectNeeds {
  /** Null where there are no dead letters: then it is set aside. */
  failures: { publish(record: FailureRecord & Pick<Delivery, 'origin'>): Promise<void> } | null;
  /** Keeps what the failure queue can never take; false when it is too large here, too. */
  setAside: (message: MalformedMessage, reason: string) => Promise<boolean>;
  /** Notes, for lists and the audit, that the dead letters have it. */
  noteMalformed: (body: Buffer, reason: string, at: Date) => Promise<void>;
  metrics: Pick<Metrics, 'setAside'>;
  log: Log;
}

const NOTE_MS = 2_000;

/** @throws when it is to be tried again */
export function createReject({ failures, setAside, noteMalformed, metrics, log }: RejectNeeds) {
  return async (delivery: Delivery, reason: string): Promise<'rejected' | 'nowhere'> => {
    const record = { ...recordOf(delivery, reason), origin: delivery.origin };
    if (failures === null) return putAside(record, new Error(reason));
    try {
      await failures.publish(record);
    } catch (error) {
      if (!isUnpublishable(error)) throw error;
      // One message must not stop all others.
      return putAside(record, error);
    }
    await note(record);
    return 'rejected';
  };

  /** A MongoDB that is away holds nothing up: then the audit knows less. */
  async function note({ body, reason, at }: FailureRecord): Promise<void> {
    const noted = within(
      NOTE_MS,
      'the note of a malformed delivery',
      noteMalformed(body, reason, at),
    );
    await noted.catch((error: unknown) =>
      log.warn(
        { runbook: 'mongodb-away', ...errorFacts(error) },
        'A malformed delivery is among the dead letters, and not noted in MongoDB. Of registrations: run "despachante failures compare" once MongoDB answers, or no list has it',
      ),
    );
  }

  async function putAside(record: FailureRecord, error: Error): Promise<'rejected' | 'nowhere'> {
    if (!(await setAside(record, error.message))) {
      log.error(
        { runbook: 'set-aside', bytes: record.body.length },
        'A malformed delivery stays in its queue: it is too large for the failure queue and for MongoDB. Raise max_message_size of RabbitMQ and restart the intake',
      );
      return 'nowhere';
    }
    metrics.setAside.inc();
    log.error(
      { runbook: 'set-aside', ...errorFacts(error) },
      'A malformed delivery was set aside: no queue of failures takes it',
    );
    return 'rejected';
  }
}

const recordOf = (
  { body, properties, failedGeneration: redrive, token }: Delivery,
  reason: string,
): FailureRecord => ({
  claim: null,
  failureClass: 'malformed',
  reason,
  at: new Date(),
  attempts: 0,
  requestId: null,
  workflowId: null,
  // It may be a redrive that is malformed by another configuration: the next one must go on from there.
  generation: redrive ?? 0,
  token: token ?? null,
  body,
  properties,
});
