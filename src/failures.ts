/** The failure queue: the original bytes and properties, with the story in headers. */
import type { Options } from 'amqplib';
import { bodyHashOf } from './body-hash.ts';
import { HEADER, failureMessageId, malformedKey } from './domain/names.ts';
import type { FailureClass } from './domain/outcome.ts';
import { fromWire } from './message.ts';
import type { Publisher } from './rabbit-publisher.ts';

export interface FailureRecord {
  /** The claim it is about; a malformed delivery has none, and is known by its bytes. */
  claim: string | null;
  failureClass: FailureClass;
  reason: string;
  at: Date;
  /** Submissions that were on the wire. */
  attempts: number;
  requestId: string | null;
  workflowId: string | null;
  /** How often the registration had been redriven before. */
  redrive: number;
  body: Buffer;
  /** Extended JSON, as message.ts writes it. */
  properties: string;
}

export interface Failures {
  /** Resolves when the broker has confirmed the record. @throws Error when it has not, see Publisher.publish */
  publish(record: FailureRecord): Promise<void>;
}

export function createFailures(publisher: Publisher, queue: string): Failures {
  return { publish: (record) => publisher.publish(queue, record.body, propertiesOf(record)) };
}

/** The AMQP properties of a record. The original ones are kept, but for messageId, which names the logical record. */
export function propertiesOf(record: FailureRecord): Options.Publish {
  const original = fromWire(record.properties);
  const claim = record.claim ?? malformedKey(bodyHashOf(record.body));
  return {
    ...original,
    messageId: failureMessageId(claim, record.failureClass).slice(0, 255),
    headers: {
      ...original.headers,
      [HEADER.failureClass]: record.failureClass,
      [HEADER.failureReason]: record.reason,
      [HEADER.failureAt]: record.at.toISOString(),
      [HEADER.attempts]: record.attempts,
      [HEADER.redrive]: record.redrive,
      [HEADER.requestId]: record.requestId ?? undefined,
      [HEADER.workflowId]: record.workflowId ?? undefined,
    },
  };
}
