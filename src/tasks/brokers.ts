/** The brokers of the workers of a process: sources, output and dead letters, whatever the kind. */
import { createKafkaSource } from '../broker/kafka/consumer.ts';
import { openKafkaPublisher, type KafkaPublisher } from '../broker/kafka/publisher.ts';
import { createConsumer } from '../broker/rabbitmq/consumer.ts';
import { createFailures, type FailureRecord } from '../broker/rabbitmq/dead-letters.ts';
import { createPublisher, isUnpublishable, type Publisher } from '../broker/rabbitmq/publisher.ts';
import type { OpenSource } from '../broker/source.ts';
import type { Config } from '../config/schema.ts';
import type { Origin } from '../domain/origin.ts';
import type { Log } from '../runtime/log.ts';
import type { Outgoing } from '../workers/call.ts';
import type { TaskChannels } from './channels.ts';
import { kafkaFailures, publishOutgoing } from './kafka-channels.ts';
import { kafkaLink } from './kafka-link.ts';
import { rabbitFor, type Running } from './rules.ts';

/** Where a worker is connected to. */
export interface Connected {
  open: OpenSource;
  channels: TaskChannels;
  failures: { publish(record: FailureRecord & { origin: Origin }): Promise<void> };
}

/** @param now epoch ms by the clock of MongoDB */
export function createBrokers(config: Config, log: Log, now: () => number) {
  const rabbits = new Map<string, Promise<Publisher>>();
  let kafka: KafkaPublisher | null = null;

  function rabbitFrom({ amqpUrl: url, rabbit }: Config): Promise<Publisher> {
    const known = rabbits.get(url);
    const name = 'despachante tasks';
    const publisher =
      known ?? createPublisher({ url, heartbeatMs: rabbit.heartbeat, tls: rabbit.tls, name, log });
    rabbits.set(url, publisher);
    return publisher;
  }

  const kafkaFor = (worker: Running): KafkaPublisher =>
    (kafka ??= openKafkaPublisher(kafkaLink(config, worker.name)));

  /** @throws Error that names the broker, or the setting that is missing */
  async function connect(worker: Running): Promise<Connected> {
    const { open, failures, link } =
      worker.from.broker === 'kafka' ? fromKafka(worker) : await fromRabbit(worker);
    const publish = async (outgoing: Outgoing, messageId: string): Promise<void> => {
      if (outgoing.channel.broker === 'kafka')
        return publishOutgoing(kafkaFor(worker), outgoing, messageId);
      const { channel, key, message } = outgoing;
      const publisher = await rabbitFrom(link);
      return publisher.publish(channel.name, Buffer.from(JSON.stringify(message)), {
        messageId,
        contentType: 'application/json',
        ...(key === null ? {} : { headers: { 'x-despachante-key': key } }),
      });
    };
    const bury =
      worker.deadLetters === null
        ? null
        : (letter: Parameters<NonNullable<TaskChannels['bury']>>[0]) =>
            failures.publish({ ...letter, requestId: null });
    return { open, failures, channels: { publish, bury, isUnpublishable } };
  }

  function fromKafka(worker: Running) {
    const options = kafkaLink(config, worker.name);
    const { name: topic, group = worker.name } = worker.from;
    const letters = worker.deadLetters?.name ?? `dlq_${topic}`;
    return {
      open: createKafkaSource({ kafka: options, topic, group, log, now }),
      failures: kafkaFailures(kafkaFor(worker), letters, group),
      link: config,
    };
  }

  async function fromRabbit(worker: Running) {
    const link = rabbitFor(config, worker);
    const open: OpenSource = (onDelivery) =>
      createConsumer(link, log, onDelivery, { paused: true, now });
    return { open, failures: createFailures(await rabbitFrom(link), link.rabbit), link };
  }

  return {
    connect,
    async close(): Promise<void> {
      const all = [...rabbits.values()].map(async (publisher) => (await publisher).close());
      await Promise.allSettled([...all, kafka?.close()]);
    },
  };
}
