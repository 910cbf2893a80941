/** Publishes until the broker has confirmed: written by all replicas that are in sync. */
import { ProduceAcks, Producer, compatibilityPartitioner } from '@platformatic/kafka';
import { within } from '../../runtime/retry.ts';
import { BrokerAway, BrokerRefusal, MessageRefused } from '../refusals.ts';
import { answeringFirst } from './bootstrap.ts';
import { clientOptions, errorIds, kafkaError, reasonOf, type KafkaOptions } from './connection.ts';
import { lenient } from './lenient.ts';
import type { RawHeader } from './message.ts';

export interface KafkaMessage {
  topic: string;
  /** Decides the partition, as Kafka's own clients do it; without one those that have a leader take turns. */
  key: Buffer | null;
  /** Null deletes the key from a compacted topic. */
  body: Buffer | null;
  headers: readonly RawHeader[];
  /** Instead of the key's, where the topic has so many. */
  partition?: number;
}

export interface KafkaPublisher {
  /**
   * Resolves when the broker has confirmed it. Messages of one partition are written in the order of the calls, several at once.
   * @throws MessageRefused when it never will be; BrokerRefusal when a topic or a right is missing; BrokerAway when nothing was sent;
   * Error when it is not confirmed, in which case it may be there all the same
   */
  publish(message: KafkaMessage): Promise<void>;
  /** @throws Error while no broker can be reached; BrokerRefusal when that is of no use to try again */
  check(): Promise<void>;
  close(): Promise<void>;
}

interface Waiting {
  message: KafkaMessage;
  resolve: () => void;
  reject: (why: unknown) => void;
}

const CONFIRM_MS = 15_000;
/** What goes in one request: far less than brokers take, 1 MiB. */
const MOST_AT_ONCE = { messages: 500, bytes: 512 * 1024 };
/** The broker's words for a message that it will never take. */
const REFUSALS = [
  'MESSAGE_TOO_LARGE',
  'RECORD_LIST_TOO_LARGE',
  'INVALID_RECORD',
  'INVALID_TIMESTAMP',
];

function producerOf(kafka: KafkaOptions) {
  const producer = lenient(
    new Producer<Buffer, Buffer, Buffer, Buffer | null>({
      ...clientOptions(kafka),
      acks: ProduceAcks.ALL,
      // A leader may have moved. Written twice it has the same message id.
      retries: 2,
      retryDelay: 200,
      repeatOnStaleMetadata: true,
    }),
  );
  producer.on('error', () => {});
  return producer;
}

export function openKafkaPublisher(kafka: KafkaOptions): KafkaPublisher {
  // What is wrong with them is told at once.
  clientOptions(kafka);
  const opening = answeringFirst(kafka).then(producerOf);
  opening.catch(() => {});
  /** By topic and partition: a request that is refused, or sent again, is about one partition alone. */
  const lanes = new Map<string, Waiting[]>();
  let turns = 0;

  async function partitionOf({ topic, key, partition }: KafkaMessage): Promise<number> {
    const producer = await opening;
    const { topics } = await producer.metadata({ topics: [topic] });
    const partitions = topics.get(topic)?.partitions ?? [];
    const count = Math.max(1, partitions.length);
    if (partition !== undefined && partition < count) return partition;
    if (key !== null) return compatibilityPartitioner({ value: key, topic }, key) % count;
    const led = [...partitions.keys()].filter((each) => (partitions[each]?.leader ?? -1) >= 0);
    return led[turns++ % led.length] ?? 0;
  }

  async function publish(message: KafkaMessage): Promise<void> {
    const what = `publish to topic "${message.topic}"`;
    try {
      const partition = await within(CONFIRM_MS, 'metadata', partitionOf(message)).catch(
        (cause: unknown) => {
          const error = kafkaError(cause, kafka, what);
          throw error instanceof BrokerRefusal ? error : new BrokerAway(error.message, { cause });
        },
      );
      await within(CONFIRM_MS, 'the confirm', enqueue(message, partition));
    } catch (error) {
      const isKnown = [MessageRefused, BrokerRefusal, BrokerAway].some(
        (kind) => error instanceof kind,
      );
      throw isKnown ? error : kafkaError(error, kafka, what);
    }
  }

  function enqueue(message: KafkaMessage, partition: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiting = { message, resolve, reject };
      const name = `${partition} ${message.topic}`;
      const lane = lanes.get(name);
      if (lane !== undefined) return void lane.push(waiting);
      lanes.set(name, [waiting]);
      void empty(name, partition);
    });
  }

  /** What comes while a request is on its way goes together in the next one. Never throws. */
  async function empty(name: string, partition: number): Promise<void> {
    // Whatever is published in the same turn goes together, too.
    await Promise.resolve();
    const lane = lanes.get(name) ?? [];
    while (lane.length > 0) await sendAll(takeSome(lane), partition, lane);
    lanes.delete(name);
  }

  /** One that is refused is found by sending each alone. */
  async function sendAll(some: Waiting[], partition: number, behind: Waiting[]): Promise<void> {
    try {
      await send(some, partition);
      for (const { resolve } of some) resolve();
    } catch (error) {
      const ids = errorIds(error);
      const isRefused = REFUSALS.some((id) => ids.has(id));
      if (isRefused && some.length > 1) {
        for (const each of some) await sendAll([each], partition, behind);
        return;
      }
      if (isRefused) {
        const why = new MessageRefused(`Kafka refuses it: ${reasonOf(error)}`, { cause: error });
        for (const { reject } of some) reject(why);
        return;
      }
      // Their callers try again, or not: nothing is sent when nobody waits for it any more.
      for (const { reject } of [...some, ...behind.splice(0)]) reject(error);
    }
  }

  async function send(some: Waiting[], partition: number): Promise<void> {
    // By the identity of its key a Map keeps two headers of one name.
    const messages = some.map(({ message: { topic, key, body, headers } }) => ({
      ...{ topic, partition },
      ...(key === null ? {} : { key }),
      ...(body === null ? {} : { value: body }),
      headers: new Map(headers.map(([header, value]) => [Buffer.from(header), value])),
    }));
    const producer = await opening;
    await within(CONFIRM_MS, 'the confirm', producer.send({ messages, acks: ProduceAcks.ALL }));
  }

  return {
    publish,
    async check() {
      try {
        const producer = await opening;
        await within(CONFIRM_MS, 'metadata', producer.metadata({ forceUpdate: true }));
      } catch (error) {
        throw kafkaError(error, kafka, 'ask for metadata');
      }
    },
    close: () =>
      within(
        5_000,
        'closing',
        opening.then((producer) => producer.close(true)),
      ).catch(() => {}),
  };
}

function takeSome(lane: Waiting[]): Waiting[] {
  let bytes = 0;
  const count = lane.findIndex(({ message }, index) => {
    bytes += (message.body?.length ?? 0) + (message.key?.length ?? 0) + 100;
    for (const [name, value] of message.headers) bytes += name.length + (value?.length ?? 0);
    return index > 0 && (index === MOST_AT_ONCE.messages || bytes > MOST_AT_ONCE.bytes);
  });
  return lane.splice(0, count < 0 ? lane.length : count);
}
