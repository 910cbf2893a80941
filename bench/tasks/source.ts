/** The source of a run of the bench, filled from outside, and taken away again. */
import { createTopic } from '../../src/broker/kafka/admin.ts';
import { textHeader } from '../../src/broker/kafka/message.ts';
import { openKafkaPublisher } from '../../src/broker/kafka/publisher.ts';
import { connectOnce } from '../../src/broker/rabbitmq/connection.ts';
import { createPublisher } from '../../src/broker/rabbitmq/publisher.ts';
import { declareQueues } from '../../src/broker/rabbitmq/queues.ts';
import type { Config } from '../../src/config/schema.ts';
import { silent } from '../../src/runtime/log.ts';
import { kafkaLink } from '../../src/tasks/kafka-link.ts';
import { rabbitFor } from '../../src/tasks/rules.ts';

export interface Filled {
  publish: (id: string, body: Buffer) => Promise<void>;
  close(): Promise<void>;
}

const PARTITIONS = 4;
const AT_ONCE = 1_000;

export async function openSource(
  config: Config,
  broker: 'rabbitmq' | 'kafka',
  name: string,
): Promise<Filled> {
  const topics = [name, `${name}.out`, `dlq_${name}`];
  if (broker === 'kafka') {
    const link = kafkaLink(config, 'Bench');
    for (const topic of topics) await createTopic(link, { topic, partitions: PARTITIONS });
    const publisher = openKafkaPublisher(link);
    return {
      publish: (id, body) =>
        publisher.publish({
          ...{ topic: name, key: Buffer.from(id), body },
          headers: [textHeader('message-id', id)],
        }),
      close: () => publisher.close(),
    };
  }
  const from = { broker, name };
  const { amqpUrl: url, rabbit } = rabbitFor(config, { from, deadLetters: null, queue: null });
  const connection = await connectOnce(url, name, rabbit.heartbeat);
  await declareQueues(connection, rabbit);
  const channel = await connection.createChannel();
  await channel.assertQueue(`${name}.out`, { durable: true });
  const link = { url, heartbeatMs: rabbit.heartbeat, name, log: silent };
  const publisher = await createPublisher(link);
  return {
    publish: (id, body) => publisher.publish(name, body, { messageId: id }),
    async close() {
      await publisher.close();
      for (const queue of [...topics, rabbit.returnedQueue]) await channel.deleteQueue(queue);
      await connection.close();
    },
  };
}

export async function fill(
  { publish }: Filled,
  count: number,
  bodyOf: (n: number) => Buffer,
): Promise<void> {
  for (let n = 0; n < count; n += AT_ONCE) {
    const some = Array.from({ length: Math.min(AT_ONCE, count - n) }, (_, at) => n + at);
    await Promise.all(some.map((each) => publish(`m-${each}`, bodyOf(each))));
  }
}
