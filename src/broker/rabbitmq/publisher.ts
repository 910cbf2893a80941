/** Publishes until the broker has confirmed: persistent, mandatory, pipelined, with a deadline. */
import { setTimeout as delay } from 'node:timers/promises';
import type { ChannelModel, ConfirmChannel, Message, Options } from 'amqplib';
import { BrokerAway, BrokerRefusal, MessageRefused } from '../refusals.ts';
import { createAlone, mayBeForAMessage } from './alone.ts';
import { refusedAt } from './refusal.ts';
import { supervise, type LinkOptions } from './connection.ts';
import { within } from '../../runtime/retry.ts';

export type Publisher = Awaited<ReturnType<typeof createPublisher>>;

const CONFIRM_MS = 15_000;
/** Between two fresh channels for a queue that refuses. */
const RENEW_MS = 5_000;

interface Waiting {
  messageId: string | undefined;
  body: Buffer;
  reject: (why: unknown) => void;
  isReturned: boolean;
}

/** A connection of its own: a broker in alarm stops reading from connections that publish, acks included. */
export async function createPublisher(
  options: Pick<LinkOptions, 'url' | 'heartbeatMs' | 'tls' | 'log' | 'name' | 'giveUp'>,
) {
  let channel: ConfirmChannel | null = null;
  const waiting = new Set<Waiting>();
  let renew: () => Promise<void> = () => Promise.resolve();
  let isBlocked = false;
  let renewedAt = -Infinity;
  const publishAlone = createAlone(options, CONFIRM_MS);
  const link = await supervise({
    ...options,
    async setup(connection, lost) {
      isBlocked = false;
      connection.on('blocked', () => (isBlocked = true));
      connection.on('unblocked', () => (isBlocked = false));
      // Its channels do not say with which code they were closed.
      connection.on('error', (error) => {
        if (mayBeForAMessage(error)) giveUp(error);
      });
      channel = await openChannel(connection, lost);
      renew = () => replaceChannel(connection, lost);
    },
    down() {
      channel = null;
      giveUp(new Error('the connection was lost before the broker confirmed'));
    },
  });

  function giveUp(why: unknown): void {
    for (const { reject } of waiting) reject(why);
    waiting.clear();
  }

  async function openChannel(connection: ChannelModel, lost: (why: Error) => void) {
    const fresh = await connection.createConfirmChannel();
    const gone = (why: Error): void => {
      if (channel !== fresh) return;
      // To publish to the default exchange is a right, too.
      giveUp(refusedAt(why, 'write', 'amq.default'));
      lost(why);
    };
    fresh.on('error', gone);
    fresh.on('close', () => gone(new Error('channel closed')));
    fresh.on('return', markReturned);
    return fresh;
  }

  /**
   * A quorum queue tells a channel once that it is full and once that there is room again; where the limit itself is taken
   * away, it never says the latter (seen with RabbitMQ 3.10), and refuses that channel for ever. A fresh one is told how it is.
   */
  async function replaceChannel(connection: ChannelModel, lost: (why: Error) => void) {
    const old = channel;
    if (old === null || performance.now() - renewedAt < RENEW_MS) return;
    renewedAt = performance.now();
    const fresh = await openChannel(connection, lost);
    // Meanwhile there may be another connection.
    const retired = channel === old ? old : fresh;
    if (channel === old) channel = fresh;
    // By then nobody waits for a confirm of it any more.
    await delay(CONFIRM_MS, undefined, { ref: false });
    await retired.close();
  }

  /**
   * The broker confirms what it could not route, too: it hands it back just before the confirm. A return has no number to
   * tell which it was, and ids may be missing or the same in copies of a record, so that the bytes are compared as well.
   */
  function markReturned({ content, properties }: Message): void {
    for (const each of waiting) {
      if (each.isReturned || each.messageId !== properties.messageId) continue;
      if (!each.body.equals(content)) continue;
      each.isReturned = true;
      return;
    }
  }

  /**
   * Resolves when the broker has confirmed the message.
   * @throws Error when it was returned (no such queue), refused (queue full, or its disk), or not confirmed in time; in the last
   * case it may be there all the same; one that `isUnpublishable` when it never will be confirmed
   */
  async function publish(queue: string, body: Buffer, properties: Options.Publish): Promise<void> {
    try {
      await publishWithOthers(queue, body, properties);
    } catch (error) {
      if (!mayBeForAMessage(error)) throw error;
      await publishAlone(queue, body, properties);
    }
  }

  async function publishWithOthers(queue: string, body: Buffer, properties: Options.Publish) {
    const open = channel;
    if (open === null) throw new BrokerAway('RabbitMQ is not connected');
    // Else it would stay in our memory, and each further try beside it.
    if (isBlocked) throw new BrokerAway('the broker is short of memory or disk, and takes nothing');
    const { messageId } = properties;
    const mine: Waiting = { messageId, body, reject: () => {}, isReturned: false };
    const confirmed = new Promise<void>((resolve, reject) => {
      mine.reject = reject;
      waiting.add(mine);
      const options = { ...properties, persistent: true, mandatory: true };
      open.publish('', queue, body, options, (error) => {
        waiting.delete(mine);
        if (isRefusal(error)) {
          reject(new Error(REFUSED));
          // Fails only with the connection, which then is set up from the start.
          renew().catch(() => {});
        } else if (error instanceof Error) reject(error);
        else if (mine.isReturned) reject(new BrokerRefusal(`queue "${queue}" does not exist`));
        else resolve();
      });
    });
    const late = `confirm of a message to "${queue}"`;
    await within(CONFIRM_MS, late, confirmed).catch((error: unknown) => {
      // What is never confirmed would stay in memory, here and in the channel.
      if (waiting.delete(mine) && channel === open) renew().catch(() => {});
      throw error;
    });
  }

  return {
    publish,
    /** The same over its own connection: for a message after a refusal, which has cost the common one. */
    publishAlone,
    isReady: link.isReady,
    close: link.close,
  };
}

const REFUSED = 'refused by the broker: the queue is full, or cannot write to its disk';

/** Whether amqplib's encoder, or the broker, will always refuse the message. */
export const isUnpublishable = (error: unknown): error is Error =>
  error instanceof TypeError || error instanceof RangeError || error instanceof MessageRefused;

/** amqplib's word for a nack; its other errors are about the channel. */
const isRefusal = (error: unknown): boolean =>
  error instanceof Error && error.message === 'message nacked';
