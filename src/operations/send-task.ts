/** Sends one message to a worker, if it is one that the worker takes. */
import { randomUUID } from 'node:crypto';
import { connectOnce } from '../broker/rabbitmq/connection.ts';
import { createPublisher } from '../broker/rabbitmq/publisher.ts';
import { declareQueues } from '../broker/rabbitmq/queues.ts';
import type { QueueSetting } from '../config/queues.ts';
import type { Config } from '../config/schema.ts';
import { silent } from '../runtime/log.ts';
import { rabbitFor } from '../tasks/rules.ts';
import { placeOf } from '../tasks/runnable.ts';
import { readMessage } from '../workers/message.ts';
import type { Worker } from '../workers/worker.ts';

export type Sent =
  { ok: true; worker: string; queue: string; id: string } | { ok: false; reason: string };

/**
 * Resolves when the broker has confirmed the message.
 * @param body JSON
 * @param id the message id; null for a fresh one
 * @throws Error that names the broker, or why it did not confirm
 */
export async function sendTask(
  config: Config,
  queues: readonly QueueSetting[],
  worker: Worker,
  body: string,
  id: string | null,
): Promise<Sent> {
  const bytes = Buffer.from(body.trim());
  const read = await readMessage(worker.work, bytes.toString('base64'));
  if (read.kind === 'failed') return { ok: false, reason: read.reason };
  const placed = placeOf(worker, config, queues);
  const { broker, name: queue } = placed.from;
  if (broker !== 'rabbitmq') return { ok: false, reason: `${worker.name} takes from ${broker}` };
  if (placed.queue?.publisher === false)
    return { ok: false, reason: `enable_publisher is false for ${queue} in queues.yaml` };
  const { amqpUrl: url, rabbit } = rabbitFor(config, placed);
  const name = 'despachante tasks send';
  const connection = await connectOnce(url, name, rabbit.heartbeat, rabbit.tls);
  await declareQueues(connection, rabbit).finally(() => connection.close());
  const link = { url, heartbeatMs: rabbit.heartbeat, tls: rabbit.tls, name, log: silent };
  const publisher = await createPublisher(link);
  const messageId = id ?? randomUUID();
  await publisher
    .publish(queue, bytes, { messageId, contentType: 'application/json' })
    .finally(() => publisher.close());
  return { ok: true, worker: worker.name, queue, id: messageId };
}
