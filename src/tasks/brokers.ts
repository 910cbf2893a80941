/** The brokers of the workers of a process: sources, output and dead letters, whatever the kind. */
import { createConsumer } from '../broker/rabbitmq/consumer.ts';
import { createFailures, type FailureRecord } from '../broker/rabbitmq/dead-letters.ts';
import { isUnpublishable } from '../broker/rabbitmq/publisher.ts';
import type { OpenSource } from '../broker/source.ts';
import type { Config } from '../config/schema.ts';
import type { QueueSetting } from '../config/queues.ts';
import type { Origin } from '../domain/origin.ts';
import type { Log } from '../runtime/log.ts';
import type { Outgoing } from '../workers/call.ts';
import type { TaskChannels } from './channels.ts';
import { kafkaFailures } from './kafka-channels.ts';
import { kafkaLink } from './kafka-link.ts';
import { openPublishers } from './publishers.ts';
import { rabbitFor, type Running } from './rules.ts';

/** Where a worker is connected to. */
export interface Connected {
  open: OpenSource;
  channels: TaskChannels;
  failures: { publish(record: FailureRecord & { origin: Origin }): Promise<void> };
}

/** Messages of a topic that are held at once, or two batches where those are more. */
const KAFKA_HELD = 1_000;

export type Brokers = ReturnType<typeof createBrokers>;

/**
 * @param now epoch ms by the clock of MongoDB
 * @param giveUp aborted: a source that was never reached is not waited for any more
 */
export function createBrokers(
  config: Config,
  queues: readonly QueueSetting[],
  log: Log,
  now: () => number,
  giveUp?: AbortSignal,
) {
  const publishers = openPublishers(config, queues, log);
  const kafkaFor = ({ name }: Running) => publishers.kafka(`The worker ${name}`);

  /** @throws Error that names the broker, or the setting that is missing */
  async function connect(worker: Running): Promise<Connected> {
    // What cannot be published is to be known before a handler has run.
    if (worker.to?.broker === 'kafka') await kafkaFor(worker);
    const { open, failures, link } = await (worker.from.broker === 'kafka'
      ? fromKafka(worker)
      : fromRabbit(worker));
    const publish = ({ channel: to, key, message }: Outgoing, messageId: string): Promise<void> => {
      const body = Buffer.from(JSON.stringify(message));
      return publishers.publish({ to, body, key, messageId }, `The worker ${worker.name}`, link);
    };
    const bury =
      worker.deadLetters === null
        ? null
        : (letter: Parameters<NonNullable<TaskChannels['bury']>>[0]) =>
            failures.publish({ ...letter, requestId: null });
    return { open, failures, channels: { publish, bury, isUnpublishable } };
  }

  async function fromKafka(worker: Running) {
    const options = kafkaLink(config, `The worker ${worker.name}`);
    const { name: topic, group = worker.name } = worker.from;
    const letters = worker.deadLetters?.name ?? `dlq_${topic}`;
    const { createKafkaSource } = await import('../broker/kafka/consumer.ts');
    return {
      open: createKafkaSource({
        ...{ kafka: options, topic, group, log, now, giveUp },
        prefetch: Math.max(KAFKA_HELD, 2 * (worker.batch?.size ?? 0)),
      }),
      failures: kafkaFailures(await kafkaFor(worker), letters, group),
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
      createConsumer(link, log, onDelivery, { paused: true, now, giveUp });
    return { open, failures: createFailures(await publishers.rabbit(link), link.rabbit), link };
  }

  return {
    connect,
    close: () => publishers.close(),
  };
}
