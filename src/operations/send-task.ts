/** Sends one message to a worker, if it is one that the worker takes; makes the queues and topics of workers. */
import { randomUUID } from 'node:crypto';
import { connectOnce } from '../broker/rabbitmq/connection.ts';
import { declareQueues } from '../broker/rabbitmq/queues.ts';
import { BrokerAway, BrokerRefusal } from '../broker/refusals.ts';
import type { QueueSetting } from '../config/queues.ts';
import type { Config } from '../config/schema.ts';
import { maskUrl } from '../runtime/mask.ts';
import { kafkaLink } from '../tasks/kafka-link.ts';
import { idFault, type Publishing, type Publishers } from '../tasks/publishers.ts';
import { rabbitFor } from '../tasks/rules.ts';
import { placeOf, type Placed } from '../tasks/runnable.ts';
import { identityOf } from '../workers/identity.ts';
import { readMessage } from '../workers/message.ts';
import type { Worker } from '../workers/worker.ts';

const NAME = 'despachante tasks';

export type Sendable = { ok: true; message: Publishing } | { ok: false; reason: string };

export interface Sending {
  /** JSON */
  body: Buffer;
  /** The message id; null for that which the worker reads from the message, or a fresh one. */
  id: string | null;
  key: string | null;
  notBefore?: number | undefined;
}

/**
 * The message as it is published, or why the worker would not take it: what it would refuse is not sent.
 * @throws whatever `idFrom` or `keyFrom` of the worker throws
 */
export async function readSending(
  { tasks }: Pick<Config, 'tasks'>,
  queues: readonly QueueSetting[],
  worker: Worker,
  { body, id, key, notBefore }: Sending,
): Promise<Sendable> {
  const fault = id === null ? null : idFault(id);
  if (fault !== null) return { ok: false, reason: fault };
  const encoded = body.toString('base64');
  const read = await readMessage(worker.work, encoded);
  if (read.kind === 'failed') return { ok: false, reason: read.reason };
  const own = await identityOf(worker, encoded);
  if (own.id !== null && id !== null && own.id !== id)
    return {
      ok: false,
      reason: 'the worker reads the id from the message (idFrom), and it is another one',
    };
  const { from: to, queue } = placeOf(worker, { tasks }, queues);
  if (queue?.publisher === false)
    return { ok: false, reason: `enable_publisher is false for ${to.name} in queues.yaml` };
  const messageId = own.id ?? id ?? randomUUID();
  return { ok: true, message: { to, body, key: own.key ?? key, messageId, notBefore } };
}

/**
 * Resolves when the broker has confirmed the message. Queues of RabbitMQ that are not there yet are made.
 * @throws as Publishers.publish
 */
export async function sendTask(
  publishers: Publishers,
  config: Config,
  queues: readonly QueueSetting[],
  worker: Worker,
  message: Publishing,
): Promise<void> {
  const publish = () => publishers.publish(message, `The worker ${worker.name}`);
  await publish().catch(async (error: unknown) => {
    if (!(error instanceof BrokerRefusal) || message.to.broker !== 'rabbitmq') throw error;
    await declared(config, placeOf(worker, config, queues));
    await publish();
  });
}

async function declared(config: Config, placed: Placed): Promise<void> {
  const { amqpUrl, rabbit } = rabbitFor(config, placed);
  const connection = await connectOnce(amqpUrl, NAME, rabbit.heartbeat, rabbit.tls).catch(
    (cause: unknown) => {
      if (cause instanceof BrokerRefusal) throw cause;
      throw new BrokerAway(`RabbitMQ at ${maskUrl(amqpUrl)} is away`, { cause });
    },
  );
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
      const link = kafkaLink(config, `The worker ${worker.name}`);
      const { createTopic } = await import('../broker/kafka/admin.ts');
      const was = await createTopic(link, { topic: channel.name, ...topics });
      made.push({ broker: 'kafka', name: channel.name, was });
    }
  }
  return made;
}
