/** Topics of a test's own on the Kafka of the test run, and what tells why there is none. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { createTopic } from '../../src/broker/kafka/admin.ts';
import type { KafkaOptions } from '../../src/broker/kafka/connection.ts';
import { createKafkaSource, type KafkaSourceOptions } from '../../src/broker/kafka/consumer.ts';
import { openKafkaPublisher, type KafkaMessage } from '../../src/broker/kafka/publisher.ts';
import type { Delivery, Source } from '../../src/broker/source.ts';
import { silent } from '../../src/runtime/log.ts';
import { eventually } from './eventually.ts';
import { atEnd, uniqueName } from './servers.ts';

const servers = process.env['KAFKA_BOOTSTRAP_SERVERS'];

/** For `skip` of node:test: why a machine without Kafka cannot run a test, or false. */
export const noKafka: string | false =
  servers === undefined ? 'there is no Kafka: KAFKA_BOOTSTRAP_SERVERS is not set' : false;

/** The same for tests that start a broker of their own. */
export const noOwnKafka: string | false =
  noKafka === false && process.env['KAFKA_JARS'] === undefined
    ? 'Kafka was given, and the programs of it are not here: KAFKA_JARS is not set'
    : noKafka;

export const kafkaOptions = (bootstrapServers = servers ?? ''): KafkaOptions => ({
  bootstrapServers: bootstrapServers.split(','),
  clientId: 'despachante-test',
  tls: null,
  sasl: null,
});

export const bytes = (text: string): Buffer => Buffer.from(text);

export const message = (topic: string, text: string, more: Partial<KafkaMessage> = {}) => ({
  ...{ topic, key: null, body: bytes(text), headers: [] },
  ...more,
});

/** A topic, a group, and a publisher that fills the topic. */
export async function testTopic(
  t: TestContext,
  { kafka = kafkaOptions(), partitions = 1, replicationFactor = -1, settings = {} } = {},
) {
  const topic = uniqueName();
  const asked = { topic, partitions, replicationFactor, settings };
  assert.equal(await createTopic(kafka, asked), 'created');
  const publisher = openKafkaPublisher(kafka);
  atEnd(t, () => publisher.close());
  return {
    kafka,
    topic,
    group: `${topic}-group`,
    publisher,
    send: (text: string, more: Partial<KafkaMessage> = {}) =>
      publisher.publish(message(topic, text, more)),
  };
}

/** A source that takes at once, with what it was handed. */
export async function testSource(
  t: TestContext,
  options: Pick<KafkaSourceOptions, 'kafka' | 'topic' | 'group'> & Partial<KafkaSourceOptions>,
  onDelivery: (delivery: Delivery) => void = () => {},
): Promise<{
  source: Source;
  deliveries: Delivery[];
  texts: () => string[];
  handed: (count: number) => Promise<string[]>;
}> {
  const deliveries: Delivery[] = [];
  const open = createKafkaSource({ log: silent, sessionMs: 6_000, ...options });
  const source = await open((delivery) => {
    deliveries.push(delivery);
    onDelivery(delivery);
  });
  atEnd(t, () => source.close());
  await source.resume();
  const texts = () => deliveries.map(({ body }) => body.toString());
  return {
    source,
    deliveries,
    texts,
    handed: (count) =>
      eventually(`${count} deliveries`, () => {
        assert.ok(deliveries.length >= count, `there are ${deliveries.length}`);
        return texts();
      }),
  };
}
