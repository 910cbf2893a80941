/** Sends one message to a worker, if it is one that the worker takes; makes the queues and topics of workers. */
import { randomUUID } from 'node:crypto';
import { createTopic } from '../broker/kafka/admin.ts';
import { textHeader } from '../broker/kafka/message.ts';
import { openKafkaPublisher } from '../broker/kafka/publisher.ts';
import { connectOnce } from '../broker/rabbitmq/connection.ts';
import { createPublisher } from '../broker/rabbitmq/publisher.ts';
import { declareQueues } from '../broker/rabbitmq/queues.ts';
import type { QueueSetting } from '../config/queues.ts';
import type { Config } from '../config/schema.ts';
import { silent } from '../runtime/log.ts';
import { kafkaLink } from '../tasks/kafka-link.ts';
import { rabbitFor } from '../tasks/rules.ts';
import { placeOf, type Placed } from '../tasks/runnable.ts';
import { HEADER } from '../domain/names.ts';
import { readMessage } from '../workers/message.ts';
import type { Worker } from '../workers/worker.ts';

export type Sent =
  { ok: true; worker: string; to: string; id: string } | { ok: false; reason: string };

interface Sending {
  /** JSON */
  body: string;
  /** The message id; null for a fresh one. */
  id: string | null;
  key: string | null;
}

const NAME = 'despachante tasks';

/**
 * Resolves when the broker has confirmed the message.
 * @throws Error that names the broker, or why it did not confirm
 */
export async function sendTask(
  config: Config,
  queues: readonly QueueSetting[],
  worker: Worker,
  { body, id, key }: Sending,
): Promise<Sent> {
  const bytes = Buffer.from(body.trim());
  const read = await readMessage(worker.work, bytes.toString('base64'));
  if (read.kind === 'failed') return { ok: false, reason: read.reason };
  const placed = placeOf(worker, config, queues);
  const { broker, name: to } = placed.from;
  if (placed.queue?.publisher === false)
    return { ok: false, reason: `enable_publisher is false for ${to} in queues.yaml` };
  const messageId = id ?? randomUUID();
  if (broker === 'kafka') {
    const publisher = openKafkaPublisher(kafkaLink(config, worker.name));
    const message = {
      ...{ topic: to, body: bytes, key: key === null ? null : Buffer.from(key) },
      headers: [textHeader('message-id', messageId)],
    };
    await publisher.publish(message).finally(() => publisher.close());
  } else await sendToRabbit(config, placed, bytes, { messageId, key });
  return { ok: true, worker: worker.name, to, id: messageId };
}

async function sendToRabbit(
  config: Config,
  placed: Placed,
  body: Buffer,
  { messageId, key }: { messageId: string; key: string | null },
) {
  await declared(config, placed);
  const { amqpUrl: url, rabbit } = rabbitFor(config, placed);
  const link = { url, heartbeatMs: rabbit.heartbeat, tls: rabbit.tls, name: NAME, log: silent };
  const publisher = await createPublisher(link);
  await publisher
    .publish(placed.from.name, body, {
      ...{ messageId, contentType: 'application/json' },
      ...(key === null ? {} : { headers: { [HEADER.key]: key } }),
    })
    .finally(() => publisher.close());
}

async function declared(config: Config, placed: Placed): Promise<void> {
  const { amqpUrl, rabbit } = rabbitFor(config, placed);
  const connection = await connectOnce(amqpUrl, NAME, rabbit.heartbeat, rabbit.tls);
  await declareQueues(connection, rabbit).finally(() => connection.close());
}

export interface Made {
  broker: string;
  name: string;
  /** Queues that exist are taken as they are. */
  was: 'created' | 'exists' | 'declared';
}

/**
 * Makes the sources, outputs and dead letters of workers, where they do not exist. An output over RabbitMQ is somebody else's queue.
 * @param topics how topics are made; -1: as the brokers do it by themselves
 * @throws Error that names the broker
 */
export async function setUpTasks(
  config: Config,
  queues: readonly QueueSetting[],
  workers: readonly Worker[],
  topics: { partitions: number; replicationFactor: number },
): Promise<Made[]> {
  const made: Made[] = [];
  for (const worker of workers) {
    const placed = placeOf(worker, config, queues);
    if (placed.from.broker === 'rabbitmq') {
      await declared(config, placed);
      const { rabbit } = rabbitFor(config, placed);
      for (const name of [rabbit.intakeQueue, rabbit.returnedQueue, rabbit.failureQueue])
        made.push({ broker: 'rabbitmq', name, was: 'declared' });
    }
    for (const channel of [placed.from, worker.to, placed.deadLetters]) {
      if (channel?.broker !== 'kafka') continue;
      const link = kafkaLink(config, worker.name);
      const was = await createTopic(link, { topic: channel.name, ...topics });
      made.push({ broker: 'kafka', name: channel.name, was });
    }
  }
  return made;
}
