/** A dead letter: key, body and headers as they came, the story in headers of ours and in those that Spring's tools read. */
import type { Message } from '../source.ts';
import type { Origin } from '../../domain/origin.ts';
import { decodeProperties, textHeader, type RawHeader } from './message.ts';
import type { KafkaMessage } from './publisher.ts';

/** Names and types of spring-kafka's KafkaHeaders; a stack trace is left out, for its size and its secrets. */
export interface SpringStory {
  group: string;
  /** A class in Java; ours is the failure's. */
  exception: string;
  message: string;
}

/**
 * To the same partition, where the topic has so many.
 * @param story headers of our own by name; null ones are left out, and those of before with such a name are replaced
 * @throws ZodError when the message did not come from Kafka
 */
export function deadLetterOf(
  topic: string,
  { body, properties }: Pick<Message, 'body' | 'properties'>,
  origin: Extract<Origin, { broker: 'kafka' }>,
  story: Readonly<Record<string, string | null>>,
  spring: SpringStory,
): KafkaMessage {
  const { key, headers, isTombstone } = decodeProperties(properties);
  const told = [...storyHeaders(story), ...springHeaders(origin, spring)];
  const names = new Set(told.map(([name]) => name.toString()));
  return {
    topic,
    key,
    body: isTombstone ? null : body,
    partition: origin.partition,
    headers: [...headers.filter(([name]) => !names.has(name.toString())), ...told],
  };
}

const storyHeaders = (story: Readonly<Record<string, string | null>>): RawHeader[] =>
  Object.entries(story).flatMap(([name, value]) =>
    value === null ? [] : [textHeader(name, value)],
  );

const springHeaders = (
  { topic, partition, offset, timestamp, timestampType }: Extract<Origin, { broker: 'kafka' }>,
  { group, exception, message }: SpringStory,
): RawHeader[] => [
  textHeader('kafka_dlt-original-topic', topic),
  [Buffer.from('kafka_dlt-original-partition'), int32(partition)],
  [Buffer.from('kafka_dlt-original-offset'), int64(offset)],
  [Buffer.from('kafka_dlt-original-timestamp'), int64(timestamp)],
  textHeader('kafka_dlt-original-timestamp-type', timestampType),
  textHeader('kafka_dlt-original-consumer-group', group),
  textHeader('kafka_dlt-exception-fqcn', exception),
  textHeader('kafka_dlt-exception-message', message),
];

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function int64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(BigInt(value));
  return bytes;
}
