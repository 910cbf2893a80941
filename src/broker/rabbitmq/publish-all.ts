/** Publishes many messages, with their confirms pipelined within a window. */
import type { Options } from 'amqplib';
import type { Publisher } from './publisher.ts';
import { pacer } from '../../runtime/pace.ts';
import { createSlots } from '../../runtime/slots.ts';

export interface Outgoing {
  /** The registration id, where there is one. */
  id: string | null;
  body: Buffer;
  properties: Options.Publish;
}

export interface Published {
  confirmed: number;
  /** Sent and not confirmed; such a message may be in the queue all the same. */
  failed: number;
  /** Why the first was not confirmed. */
  reason: string | null;
}

/** A new registration for the intake queue: `messageId` is its id, so that people can find it. */
export const outgoing = (id: string | null, body: Buffer): Outgoing => ({
  id,
  body,
  properties: {
    contentType: 'application/json',
    timestamp: Math.floor(Date.now() / 1000),
    ...(id === null ? {} : { messageId: id }),
  },
});

/**
 * Publishes messages in their order and waits for every confirm. After the first that is not confirmed, or an abort,
 * no more are taken from `messages`; what is on its way is waited for.
 *
 * @param options.onConfirmed called for each confirmed message; must not throw
 * @param options.window messages that wait for their confirms at once
 * @param options.perSecond messages to send per second at most; null for as fast as it goes
 * @throws what iterating `messages` throws, after what is on its way was waited for
 */
export async function publishAll<Message extends Outgoing>(options: {
  publisher: Pick<Publisher, 'publish'>;
  queue: string;
  messages: AsyncIterable<Message> | Iterable<Message>;
  onConfirmed?: (message: Message) => void;
  window?: number;
  perSecond?: number | null;
  signal?: AbortSignal;
}): Promise<Published> {
  const { publisher, queue, messages, onConfirmed, window = 500, perSecond = null } = options;
  const slots = createSlots(window);
  const onTheWay = new Set<Promise<void>>();
  const result: Published = { confirmed: 0, failed: 0, reason: null };
  const inTurn = pacer(perSecond, options.signal);
  let sent = 0;

  const send = async (message: Message): Promise<void> => {
    try {
      await publisher.publish(queue, message.body, message.properties);
    } catch (error) {
      result.failed += 1;
      result.reason ??= error instanceof Error ? error.message : String(error);
      return;
    } finally {
      slots.release(1);
    }
    result.confirmed += 1;
    onConfirmed?.(message);
  };

  try {
    for await (const message of messages) {
      await inTurn(sent);
      await slots.take(1);
      if (result.failed > 0 || options.signal?.aborted === true) break;
      sent += 1;
      const going = send(message);
      onTheWay.add(going);
      void going.finally(() => onTheWay.delete(going));
    }
  } finally {
    await Promise.all(onTheWay);
  }
  return result;
}
