/** The brokers of the workers of a process: sources, output and dead letters, whatever the kind. */
import { createKafkaSource } from '../broker/kafka/consumer.ts';
import { openKafkaPublisher, type KafkaPublisher } from '../broker/kafka/publisher.ts';
import { createConsumer } from '../broker/rabbitmq/consumer.ts';
import { createFailures, type FailureRecord } from '../broker/rabbitmq/dead-letters.ts';
import { createPublisher, isUnpublishable, type Publisher } from '../broker/rabbitmq/publisher.ts';
import type { OpenSource } from '../broker/source.ts';
import type { Config } from '../config/schema.ts';
import type { QueueSetting } from '../config/queues.ts';
import { HEADER } from '../domain/names.ts';
import type { Origin } from '../domain/origin.ts';
import { BrokerRefusal, MessageRefused } from '../broker/refusals.ts';
import { within } from '../runtime/retry.ts';
import type { Log } from '../runtime/log.ts';
import type { Outgoing } from '../workers/call.ts';
import type { TaskChannels } from './channels.ts';
import { kafkaFailures, publishOutgoing } from './kafka-channels.ts';
import { kafkaLink } from './kafka-link.ts';
import { rabbitFor, type Running } from './rules.ts';

const CONNECT_MS = 3_000;

/** Where a worker is connected to. */
export interface Connected {
  open: OpenSource;
  channels: TaskChannels;
  failures: { publish(record: FailureRecord & { origin: Origin }): Promise<void> };
}

/** @param now epoch ms by the clock of MongoDB */
export function createBrokers(
  config: Config,
  queues: readonly QueueSetting[],
  log: Log,
  now: () => number,
) {
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

  /** Whose queue it is says queues.yaml; else it is beside the source. */
  function linkOf(name: string, source: Config): Config {
    const queue = queues.find((each) => each.name === name) ?? null;
    if (queue?.publisher === false)
      throw new BrokerRefusal(`enable_publisher is false for ${name} in queues.yaml`);
    const from = { broker: 'rabbitmq', name } as const;
    const rules = { from, deadLetters: null, queue, isOrdered: false };
    return queue === null ? source : rabbitFor(config, rules);
  }

  const kafkaFor = (worker: Running): KafkaPublisher =>
    (kafka ??= openKafkaPublisher(kafkaLink(config, worker.name)));

  /** @throws Error that names the broker, or the setting that is missing */
  async function connect(worker: Running): Promise<Connected> {
    // What cannot be published is to be known before a handler has run.
    if (worker.to?.broker === 'kafka') kafkaFor(worker);
    const { open, failures, link } =
      worker.from.broker === 'kafka' ? fromKafka(worker) : await fromRabbit(worker);
    const publish = async (outgoing: Outgoing, messageId: string): Promise<void> => {
      if (outgoing.channel.broker === 'kafka')
        return publishOutgoing(kafkaFor(worker), outgoing, messageId);
      const { channel, key, message } = outgoing;
      const at = linkOf(channel.name, link);
      const publisher = await within(CONNECT_MS, `the broker of ${channel.name}`, rabbitFrom(at));
      return publisher.publish(channel.name, Buffer.from(JSON.stringify(message)), {
        messageId,
        contentType: 'application/json',
        ...(key === null ? {} : { headers: { [HEADER.key]: key } }),
      });
    };
    const bury =
      worker.deadLetters === null
        ? null
        : (letter: Parameters<NonNullable<TaskChannels['bury']>>[0]) =>
            failures.publish({ ...letter, requestId: null });
    // A client of Kafka throws a TypeError for whatever goes wrong with it, too.
    const isFinal =
      worker.from.broker === 'kafka'
        ? (error: unknown): error is Error => error instanceof MessageRefused
        : isUnpublishable;
    return { open, failures, channels: { publish, bury, isUnpublishable: isFinal } };
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
    if (worker.isOrdered)
      log.info(
        { worker: worker.name, queue: worker.from.name },
        'A queue of RabbitMQ keeps the order of keys while one process takes from it: one that we declare sees to that (x-single-active-consumer), any other is yours to watch',
      );
    const open: OpenSource = (onDelivery) =>
      createConsumer(link, log, onDelivery, { paused: true, now });
    return { open, failures: createFailures(await rabbitFrom(link), link.rabbit), link };
  }

  return {
    connect,
    async close(): Promise<void> {
      // One that was never reached is waited for without end.
      const all = [...rabbits.values()].map(async (opening) =>
        (await within(CONNECT_MS, 'a publisher', opening)).close(),
      );
      await Promise.allSettled([...all, kafka?.close()]);
    },
  };
}
