/** Dead letters over Kafka. */
import { deadLetterOf } from '../broker/kafka/dead-letters.ts';
import type { KafkaPublisher } from '../broker/kafka/publisher.ts';
import type { FailureRecord } from '../broker/rabbitmq/dead-letters.ts';
import { HEADER } from '../domain/names.ts';
import type { Origin } from '../domain/origin.ts';

/** Characters of a header. */
const MOST_TEXT = 1_000;

/** The dead letters of one worker, whose source is a topic. */
export const kafkaFailures = (publisher: KafkaPublisher, topic: string, group: string) => ({
  /** @throws as KafkaPublisher.publish */
  async publish(record: FailureRecord & { origin: Origin }): Promise<void> {
    const { origin, failureClass, reason } = record;
    if (origin.broker !== 'kafka') throw new Error('a message that did not come from Kafka');
    const cut = reason.slice(0, MOST_TEXT);
    const spring = { group, exception: failureClass, message: cut };
    await publisher.publish(
      deadLetterOf(topic, record, origin, storyOf(record, origin.topic, cut), spring),
    );
  },
});

const storyOf = (record: FailureRecord, origin: string, reason: string) => ({
  [HEADER.class]: record.failureClass,
  [HEADER.reason]: reason,
  [HEADER.at]: record.at.toISOString(),
  [HEADER.attempts]: String(record.attempts),
  [HEADER.generation]: String(record.generation),
  [HEADER.origin]: origin,
  [HEADER.item]: record.claim,
  [HEADER.run]: record.workflowId,
  [HEADER.token]: record.token,
});
