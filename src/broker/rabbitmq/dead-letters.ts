/** Writes failure records: the original bytes, properties and headers, with the story in headers of our own. */
import type { Options } from 'amqplib';
import { withFields } from './amqp-tables.ts';
import type { Config } from '../../config/schema.ts';
import { HEADER } from '../../domain/names.ts';
import { decodeProperties } from './message.ts';
import { isUnpublishable, type Publisher } from './publisher.ts';

export interface FailureRecord {
  /** The claim it is about; a malformed delivery has none, and is known by its bytes. */
  claim: string | null;
  /** How it failed, in the word of its flow. */
  failureClass: string;
  reason: string;
  at: Date;
  /** Submissions that were on the wire. */
  attempts: number;
  requestId: string | null;
  workflowId: string | null;
  /** How often it had been redriven before. */
  generation: number;
  /** The claim's; of a malformed delivery the one it came with. */
  token: string | null;
  body: Buffer;
  /** As message.ts writes them. */
  properties: string;
}

export type Failures = ReturnType<typeof createFailures>;

export function createFailures(
  publisher: Pick<Publisher, 'publish' | 'publishAlone'>,
  { failureQueue, intakeQueue }: Pick<Config['rabbit'], 'failureQueue' | 'intakeQueue'>,
) {
  return {
    /**
     * Resolves when the broker has confirmed the record. What it refuses for its properties goes without them, and says so.
     * @throws Error when it is not confirmed, see Publisher.publish; one that `isUnpublishable` when it never will be
     */
    async publish(record: FailureRecord): Promise<void> {
      const { body } = record;
      try {
        await publisher.publish(failureQueue, body, propertiesOf(record, intakeQueue));
      } catch (error) {
        if (!isUnpublishable(error) || record.properties === '') throw error;
        const dropped = [`all properties and headers, since ${error.message}`];
        const bare = { ...record, properties: JSON.stringify({ dropped }) };
        await publisher.publishAlone(failureQueue, body, propertiesOf(bare, intakeQueue));
      }
    },
  };
}

/** Characters of a header: a record's own headers must leave room for the publisher's. */
const MOST_TEXT = 1_000;

export function propertiesOf(record: FailureRecord, origin: string): Options.Publish {
  const { properties, fields, dropped } = decodeProperties(record.properties);
  const story = {
    [HEADER.class]: record.failureClass,
    [HEADER.reason]: record.reason,
    [HEADER.at]: record.at.toISOString(),
    [HEADER.attempts]: record.attempts,
    [HEADER.generation]: record.generation,
    [HEADER.origin]: origin,
    [HEADER.item]: record.claim ?? undefined,
    [HEADER.requestId]: record.requestId ?? undefined,
    [HEADER.run]: record.workflowId ?? undefined,
    [HEADER.token]: record.token ?? undefined,
    [HEADER.dropped]: dropped.length > 0 ? dropped.join(', ').slice(0, MOST_TEXT) : undefined,
  };
  return { ...properties, headers: withFields(story, fields) };
}
