/** Takes deliveries from queues, with manual acknowledgement, over a connection that comes back. */
import type { Channel, ConsumeMessage } from 'amqplib';
import type { Config } from '../../config/schema.ts';
import { within } from '../../runtime/retry.ts';
import { errorFacts, type Log } from '../../runtime/log.ts';
import { BrokerRefusal } from '../refusals.ts';
import type { Delivery, Source } from '../source.ts';
import { rawOf } from './amqp-tables.ts';
import { throttle } from './amqp-throttle.ts';
import { supervise } from './connection.ts';
import { messageOf, placeOf } from './message.ts';
import { QueueMismatch, declareQueues } from './queues.ts';
import { refusedAt } from './refusal.ts';

/** Bytes of messages that this process holds before it reads no more. A single larger message still comes through. */
const MOST_HELD_BYTES = 32 * 1024 * 1024;

/** Headers may be far larger than the body. */
const sizeOf = ({ content, properties: { headers } }: ConsumeMessage): number =>
  content.length + (rawOf(headers ?? {})?.bytes.length ?? 0);

/** amqplib's word for it. */
const isOfClosedChannel = (error: unknown): boolean =>
  error instanceof Error && error.name === 'IllegalOperationError';

/** RabbitMQ counts for each consumer: the two share rabbit.prefetch. Few messages are returned. */
function shares({ intakeQueue, returnedQueue, prefetch }: Config['rabbit']) {
  const few = Math.max(1, Math.floor(prefetch / 10));
  return [
    { queue: intakeQueue, prefetch: Math.max(1, prefetch - few) },
    { queue: returnedQueue, prefetch: few },
  ];
}

/**
 * Declares the queues and consumes from the intake and the returned queue, once it is not `paused`.
 * @throws QueueMismatch when a queue exists, declared otherwise; BrokerRefusal when a right is missing
 */
export async function createConsumer(
  { amqpUrl: url, rabbit }: Config,
  log: Log,
  onDelivery: (delivery: Delivery) => void,
  {
    paused = false,
    now = Date.now,
    mostHeldBytes = MOST_HELD_BYTES,
    giveUp,
  }: {
    paused?: boolean;
    now?: () => number;
    mostHeldBytes?: number;
    /** Aborted: a broker that is away is not waited for any more. */
    giveUp?: AbortSignal | undefined;
  } = {},
): Promise<Source> {
  const queues = shares(rabbit);
  let channel: Channel | null = null;
  let tags: string[] = [];
  let isWanted = !paused;
  /** Counts the pauses: a consumer that was begun before the last one is cancelled. */
  let pauses = 0;
  /** Bytes of what was handed to us and is not acknowledged. */
  let held = 0;
  /** What came during a pause, where the order counts. */
  const parked: Delivery[] = [];
  let reading: { goOn(): void } | null = null;
  const isFull = (): boolean => held >= mostHeldBytes;

  const link = await supervise(
    {
      url,
      name: 'despachante intake',
      heartbeatMs: rabbit.heartbeat,
      tls: rabbit.tls,
      log,
      giveUp,
      async setup(connection, lost) {
        for (const sentence of await declareQueues(connection, rabbit))
          log.warn({ runbook: 'start-warnings' }, sentence);
        const fresh = await connection.createChannel();
        fresh.on('error', lost);
        fresh.on('close', () => lost(new Error('channel closed')));
        // A fault of ours in a handler must not close the channel, and with it give everything back.
        fresh.on('handler-error', (error: Error) =>
          log.error({ runbook: 'report-a-fault', ...errorFacts(error) }, 'A handler failed'),
        );
        channel = fresh;
        tags = [];
        if (isWanted) await consume(fresh, lost);
        // Only now: until here the broker's answers have to be read, however much is held.
        reading = throttle(connection, isFull);
      },
      down() {
        channel = null;
        tags = [];
        for (const delivery of parked.splice(0)) delivery.release();
      },
    },
    (error) => error instanceof QueueMismatch || error instanceof BrokerRefusal,
  );

  async function consume(on: Channel, lost: (why: Error) => void): Promise<void> {
    const before = pauses;
    for (const { queue, prefetch } of queues) {
      await on.prefetch(prefetch);
      const onMessage = (message: ConsumeMessage | null): void => {
        // The broker cancelled us: the queue was deleted, or its leader moved.
        if (message === null) lost(new Error(`the broker cancelled the consumer of "${queue}"`));
        else handOut(deliveryOf(on, queue, message));
      };
      const { consumerTag } = await on.consume(queue, onMessage).catch((error: unknown) => {
        throw refusedAt(error, 'read', queue);
      });
      // Paused meanwhile: the pause has not cancelled this one.
      if (before === pauses) tags.push(consumerTag);
      else await on.cancel(consumerTag);
    }
  }

  function handOut(delivery: Delivery): void {
    if (rabbit.isOrdered && !isWanted) parked.push(delivery);
    else onDelivery(delivery);
  }

  function deliveryOf(on: Channel, queue: string, message: ConsumeMessage): Delivery {
    const size = sizeOf(message);
    let isHeld = true;
    held += size;
    const release = (): void => {
      if (isHeld) held -= size;
      isHeld = false;
      reading?.goOn();
    };
    return {
      ...messageOf(message),
      ...placeOf(message, queue),
      receivedAt: now(),
      isGone: () => channel !== on,
      release,
      // Delivery tags start anew on each channel: an ack on another one would delete somebody else's message.
      ack() {
        try {
          if (channel === on) on.ack(message);
        } catch (error) {
          // It has closed just now, and nobody was told yet: the message comes again.
          if (!isOfClosedChannel(error)) throw error;
        }
        release();
      },
    };
  }

  return {
    async pause() {
      isWanted = false;
      // Another consumer would get what comes next, before we have handed over what we hold. So we stay, and acknowledge nothing.
      if (rabbit.isOrdered) return;
      pauses += 1;
      const taken = tags;
      tags = [];
      const on = channel;
      if (on === null) return;
      // The answer may wait behind unread messages; the request holds.
      const cancelled = Promise.all(taken.map((tag) => on.cancel(tag)));
      await within(3_000, 'the end of the consumers', cancelled).catch(() => {});
    },
    async resume() {
      if (isWanted) return;
      isWanted = true;
      for (const delivery of parked.splice(0)) onDelivery(delivery);
      const on = tags.length > 0 ? null : channel;
      if (on !== null) await consume(on, () => void on.close().catch(() => {})).catch(() => {});
    },
    isReady: link.isReady,
    async close() {
      // amqplib's close overtakes what its channels have still to write. An answer on the channel means that the broker has
      // read every acknowledgement before it.
      const flushed = Promise.resolve(channel?.prefetch(1));
      await within(3_000, 'the last acknowledgements', flushed).catch(() => {});
      await link.close();
    },
  };
}
