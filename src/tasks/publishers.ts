/** Publishes to queues and topics, each on the broker that it is on: one connection for each, made when it is needed first. */
import { createHash } from 'node:crypto';
import { textHeader } from '../broker/kafka/message.ts';
import type { KafkaPublisher } from '../broker/kafka/publisher.ts';
import { keyBytes } from '../broker/texts.ts';
import { createPublisher, type Publisher } from '../broker/rabbitmq/publisher.ts';
import { BrokerAway, BrokerRefusal, MessageRefused } from '../broker/refusals.ts';
import type { Config } from '../config/schema.ts';
import type { QueueSetting } from '../config/queues.ts';
import { HEADER } from '../domain/names.ts';
import { maskUrl } from '../runtime/mask.ts';
import { within } from '../runtime/retry.ts';
import type { Log } from '../runtime/log.ts';
import type { Channel } from '../workers/call.ts';
import { kafkaLink } from './kafka-link.ts';
import { rabbitFor } from './rules.ts';

const CONNECT_MS = 3_000;
const JSON_TYPE = 'application/json';
/** Of a message id in AMQP. The hash of a longer one is in its place, on Kafka, too: from worker to worker they would grow. */
const MOST_ID_BYTES = 255;

/** Why nothing can be sent under this id; null where it can. */
export const idFault = (id: unknown): string | null =>
  typeof id === 'string' && id !== '' && Buffer.byteLength(id) <= MOST_ID_BYTES
    ? null
    : `an id is a text of 1 to ${MOST_ID_BYTES} bytes`;

export interface Publishing {
  to: Pick<Channel, 'broker' | 'name'>;
  /** JSON */
  body: Buffer;
  key: string | null;
  messageId: string;
  /** Its handler is not called before; epoch ms. */
  notBefore?: number | undefined;
}

export type Publishers = ReturnType<typeof openPublishers>;

/** Nothing is connected by it. */
export function openPublishers(config: Config, queues: readonly QueueSetting[], log: Log) {
  const closing = new AbortController();
  const rabbits = new Map<string, Promise<Publisher>>();
  let kafkaPublisher: Promise<KafkaPublisher> | null = null;

  /** @param link says which broker; resolves when it was reached, however late. @throws BrokerRefusal */
  function rabbit({ amqpUrl: url, rabbit }: Config): Promise<Publisher> {
    const known = rabbits.get(url);
    if (known !== undefined) return known;
    const name = 'despachante tasks';
    const { heartbeat: heartbeatMs, tls } = rabbit;
    const giveUp = closing.signal;
    const opening = createPublisher({ url, heartbeatMs, tls, name, log, giveUp });
    rabbits.set(url, opening);
    opening.catch(() => rabbits.delete(url));
    return opening;
  }

  /** @param who needs it. @throws Error with the remedy where Kafka is not enabled */
  async function kafka(who: string): Promise<KafkaPublisher> {
    const link = kafkaLink(config, who);
    // Half a second of CPU, for those that have a topic only.
    const opening = (kafkaPublisher ??= import('../broker/kafka/publisher.ts').then(
      ({ openKafkaPublisher }) => openKafkaPublisher(link),
    ));
    // A file of TLS may be there the next time.
    opening.catch(() => (kafkaPublisher = null));
    return opening;
  }

  const queueOf = (name: string) =>
    queues.find((each) => each.type === 'rabbitmq' && each.name === name);

  /** Whose queue it is says queues.yaml; else it is beside the others of `link`. */
  function linkOf(name: string, link: Config): Config {
    const queue = queueOf(name) ?? null;
    const from = { broker: 'rabbitmq', name } as const;
    return queue === null ? link : rabbitFor(config, { from, deadLetters: null, queue });
  }

  return {
    rabbit,
    kafka,
    /** Of the broker, without a password. */
    addressOf: ({ broker, name }: Publishing['to']): string =>
      broker === 'kafka'
        ? `kafka ${config.kafkaBootstrapServers}`
        : maskUrl(linkOf(name, config).amqpUrl),
    /**
     * Resolves when the broker has confirmed it.
     * @param who publishes, for errors
     * @param link the broker of queues that are not in queues.yaml
     * @throws as the publisher of the broker
     */
    async publish(
      { to, body, key, messageId: given, notBefore }: Publishing,
      who: string,
      link: Config = config,
    ): Promise<void> {
      const isLong = Buffer.byteLength(given) > MOST_ID_BYTES;
      const messageId = isLong ? createHash('sha256').update(given).digest('hex') : given;
      const later = notBefore === undefined ? {} : { [HEADER.notBefore]: String(notBefore) };
      if (to.broker === 'kafka') {
        const told = { 'message-id': messageId, 'content-type': JSON_TYPE, ...later };
        const headers = Object.entries(told).map(([name, value]) => textHeader(name, value));
        const message = { topic: to.name, key: key === null ? null : keyBytes(key) };
        return (await kafka(who)).publish({ ...message, body, headers });
      }
      if (queueOf(to.name)?.publisher === false)
        throw new MessageRefused(`enable_publisher is false for ${to.name} in queues.yaml`);
      const at = linkOf(to.name, link);
      const publisher = await within(CONNECT_MS, 'RabbitMQ', rabbit(at)).catch((cause: unknown) => {
        if (cause instanceof BrokerRefusal) throw cause;
        throw new BrokerAway(`RabbitMQ at ${maskUrl(at.amqpUrl)} is away`, { cause });
      });
      return publisher.publish(to.name, body, {
        messageId,
        contentType: JSON_TYPE,
        headers: { ...later, ...(key === null ? {} : { [HEADER.key]: key }) },
      });
    },
    async close(): Promise<void> {
      closing.abort();
      const all = [...rabbits.values()].map(async (opening) => (await opening).close());
      await Promise.allSettled([...all, kafkaPublisher?.then((publisher) => publisher.close())]);
    },
  };
}
