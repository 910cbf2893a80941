/** Both brokers, as the outside sees them: who publishes to a worker, and reads what came of it. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { createTopic, groupFacts } from '../../../src/broker/kafka/admin.ts';
import { createKafkaSource } from '../../../src/broker/kafka/consumer.ts';
import { textHeader } from '../../../src/broker/kafka/message.ts';
import { openKafkaPublisher } from '../../../src/broker/kafka/publisher.ts';
import type { KafkaOptions } from '../../../src/broker/kafka/connection.ts';
import { connectOnce } from '../../../src/broker/rabbitmq/connection.ts';
import { createPublisher } from '../../../src/broker/rabbitmq/publisher.ts';
import { declareQueues } from '../../../src/broker/rabbitmq/queues.ts';
import { returnedQueueOf } from '../../../src/config/constants.ts';
import type { Config } from '../../../src/config/schema.ts';
import { silent } from '../../../src/runtime/log.ts';
import { insist } from '../../../src/runtime/retry.ts';
import { rabbitFor } from '../../../src/tasks/rules.ts';
import { eventually } from '../../helpers/eventually.ts';
import { atEnd, uniqueName, type Ending } from '../../helpers/servers.ts';

const readProperties = z.object({
  messageId: z.string().optional(),
  headers: z.record(z.string(), z.unknown()).default({}),
});

export interface Seen {
  id: string | null;
  headers: Record<string, string>;
  /** SHA-256, hex. */
  hash: string;
}

const asTexts = (headers: Record<string, unknown>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));

export interface Transport {
  broker: 'rabbitmq' | 'kafka';
  source: string;
  output: string;
  letters: string;
  /** However long it takes until the broker has confirmed it: perhaps twice then. */
  publish(id: string, body: Buffer): Promise<void>;
  /** Messages that nobody has taken yet. */
  backlog(): Promise<number>;
  /** All that is there. */
  read(of: 'output' | 'letters'): Promise<Seen[]>;
}

const hashOf = (body: Buffer): string => createHash('sha256').update(body).digest('hex');
const namesOf = (name: string) => ({
  source: name,
  output: `${name}.out`,
  letters: `${name}.dead`,
});

/** A publisher that the scenario outlives ends its tries with it. */
function untilEnd(t: Ending) {
  const stop = new AbortController();
  atEnd(t, () => stop.abort(new Error('the scenario has ended')));
  return (action: () => Promise<void>): Promise<void> =>
    insist(action, { stop: stop.signal, failed: () => {}, longestMs: 1_000 });
}

/** Queues of a scenario's own. */
export async function rabbitTransport(t: Ending, config: Config): Promise<Transport> {
  const names = namesOf(uniqueName());
  const { source, output, letters } = names;
  const from = { broker: 'rabbitmq', name: source } as const;
  const deadLetters = { broker: 'rabbitmq', name: letters } as const;
  const { amqpUrl: url, rabbit } = rabbitFor(config, { from, deadLetters, queue: null });
  const connect = () => connectOnce(url, source, rabbit.heartbeat);
  const connection = await connect();
  await declareQueues(connection, rabbit);
  await (await connection.createChannel()).assertQueue(output, { durable: true });
  await connection.close();
  const all = [source, returnedQueueOf(source), output, letters];
  atEnd(t, async () => {
    const tidying = await connect();
    const channel = await tidying.createChannel();
    for (const queue of all) await channel.deleteQueue(queue);
    await tidying.close();
  });
  const link = { url, heartbeatMs: rabbit.heartbeat, name: source, log: silent };
  const publisher = await createPublisher(link);
  atEnd(t, () => publisher.close());
  const confirmed = untilEnd(t);
  return {
    broker: 'rabbitmq',
    ...names,
    publish: (id, body) => confirmed(() => publisher.publish(source, body, { messageId: id })),
    async backlog() {
      const looking = await connect();
      const channel = await looking.createChannel();
      const found = await Promise.all(
        [source, returnedQueueOf(source)].map((queue) => channel.checkQueue(queue)),
      );
      await looking.close();
      return found.reduce((sum, { messageCount }) => sum + messageCount, 0);
    },
    async read(of) {
      const reading = await connect();
      const channel = await reading.createChannel();
      const seen: Seen[] = [];
      for (;;) {
        const message = await channel.get(names[of], { noAck: true });
        if (message === false) break;
        const { messageId, headers } = readProperties.parse(message.properties);
        seen.push({
          id: messageId ?? null,
          headers: asTexts(headers),
          hash: hashOf(message.content),
        });
      }
      await reading.close();
      return seen;
    },
  };
}

const PARTITIONS = 4;

/** Topics of a scenario's own. */
export async function kafkaTransport(t: Ending, kafka: KafkaOptions): Promise<Transport> {
  const names = namesOf(uniqueName());
  const { source } = names;
  for (const topic of Object.values(names))
    await createTopic(kafka, { topic, partitions: PARTITIONS });
  const publisher = openKafkaPublisher(kafka);
  atEnd(t, () => publisher.close());
  const confirmed = untilEnd(t);
  const lags = (group: string, topic: string) =>
    groupFacts(kafka, group, topic).then(({ partitions }) => partitions);
  return {
    broker: 'kafka',
    ...names,
    publish: (id, body) =>
      confirmed(() =>
        publisher.publish({
          ...{ topic: source, key: Buffer.from(id), body },
          headers: [textHeader('message-id', id)],
        }),
      ),
    backlog: async () => (await lags(source, source)).reduce((sum, { lag }) => sum + lag, 0),
    async read(of) {
      const group = uniqueName();
      const count = (await lags(group, names[of])).reduce((sum, { lag }) => sum + lag, 0);
      const seen: Seen[] = [];
      const open = createKafkaSource({ kafka, topic: names[of], group, log: silent });
      const reading = await open(({ messageId, headers, body, ack }) => {
        seen.push({ id: messageId, headers: asTexts(headers()), hash: hashOf(body) });
        ack();
      });
      await reading.resume();
      await eventually(`all of ${names[of]} is read`, () => {
        if (seen.length < count) throw new Error(`${seen.length} of ${count}`);
      });
      await reading.close();
      return seen;
    },
  };
}
