/** The three queues: intake, returned, failure. Declared by whoever starts first, with the same arguments everywhere. */
import type { Channel, ChannelModel } from 'amqplib';
import type { Config } from '../../config/schema.ts';
import { isAccessRefused, isMissingQueue, refusedAt } from './refusal.ts';

/** A queue exists with other arguments than ours. The message says which, and the remedy. */
export class QueueMismatch extends Error {
  override name = 'QueueMismatch';
}

type QueueDeclaration = ReturnType<typeof declarations>[number];

/**
 * Quorum queues, because only they count deliveries and keep what they confirmed. The delivery limit is explicit since
 * RabbitMQ 4 drops after 20 returns and a crashing consumer returns all it holds; past it a message goes to the
 * returned queue, at-least-once, which intake reads like any other. at-least-once needs reject-publish
 * (rabbitmq.com/docs/quorum-queues, "Activating At-Least-Once Dead Lettering").
 */
export function declarations(rabbit: Config['rabbit']) {
  const limit = { 'x-queue-type': 'quorum', 'x-delivery-limit': rabbit.deliveryLimit };
  return [
    { queue: rabbit.returnedQueue, arguments: limit },
    { queue: rabbit.failureQueue, arguments: limit },
    {
      queue: rabbit.intakeQueue,
      arguments: {
        ...limit,
        'x-dead-letter-exchange': '',
        'x-dead-letter-routing-key': rabbit.returnedQueue,
        'x-dead-letter-strategy': 'at-least-once',
        'x-overflow': 'reject-publish',
        // The next one takes over when the first is gone, and begins with what that has not acknowledged.
        ...(rabbit.isOrdered ? { 'x-single-active-consumer': true } : {}),
      },
    },
  ];
}

/**
 * Declares what is missing. A queue that exists with other arguments is refused with the difference and the remedy, or
 * adopted, as `rabbit.existingQueues` says.
 * @returns a sentence for each queue that was adopted
 * @throws QueueMismatch, BrokerRefusal
 */
export async function declareQueues(
  connection: ChannelModel,
  rabbit: Config['rabbit'],
): Promise<string[]> {
  const adopted: string[] = [];
  for (const declaration of declarations(rabbit)) {
    const difference = await declare(connection, declaration);
    if (difference === null) continue;
    const sentence = `Queue "${declaration.queue}" exists, declared otherwise: ${difference}`;
    if (rabbit.existingQueues === 'adopt') adopted.push(sentence);
    else throw new QueueMismatch(`${sentence}. ${REMEDY}`);
  }
  return adopted;
}

const REMEDY =
  'Move its messages and delete it so that it is declared anew, name another queue in the configuration, ' +
  'or set rabbit.existingQueues: adopt to use it as it is (a classic queue neither counts deliveries nor survives the loss of a node).';

/**
 * Null when the queue is as declared, else the difference in the broker's words. A user without the right to configure may
 * use a queue that is there: null.
 * @throws BrokerRefusal when it is missing and we may not declare it, or when somebody else has it alone
 */
export async function declare(
  connection: ChannelModel,
  { queue, arguments: args }: QueueDeclaration,
): Promise<string | null> {
  // To ask for it needs no right at all.
  const there = await depth(connection, queue).catch((error: unknown) => {
    throw refusedAt(error, 'configure', queue);
  });
  try {
    await onChannel(connection, (channel) =>
      channel.assertQueue(queue, { durable: true, arguments: args }),
    );
    return null;
  } catch (error) {
    if (there !== null && isAccessRefused(error)) return null;
    const message = error instanceof Error ? error.message : String(error);
    const difference = /PRECONDITION_FAILED - (.*?)"?$/s.exec(message)?.[1];
    if (difference === undefined) throw refusedAt(error, 'configure', queue);
    return difference;
  }
}

/** On a channel of its own: what is refused closes it. */
async function onChannel<T>(connection: ChannelModel, ask: (channel: Channel) => Promise<T>) {
  const channel = await connection.createChannel();
  channel.on('error', () => {});
  const answer = await ask(channel);
  await channel.close();
  return answer;
}

export interface QueueDepth {
  /** Ready to be taken; what a consumer holds unacknowledged is not among them. */
  messages: number;
  consumers: number;
}

/** By queue name; null for a queue that does not exist. Nothing is declared. */
export async function queueDepths(
  connection: ChannelModel,
  queues: readonly string[],
): Promise<Record<string, QueueDepth | null>> {
  const depths: Record<string, QueueDepth | null> = {};
  for (const queue of queues) depths[queue] = await depth(connection, queue);
  return depths;
}

/** Ready to be taken by an intake: what came back to it, too. Null where its queue does not exist, which is no zero. */
export async function countReady(
  connection: ChannelModel,
  { intakeQueue, returnedQueue }: Pick<Config['rabbit'], 'intakeQueue' | 'returnedQueue'>,
): Promise<number | null> {
  const depths = await queueDepths(connection, [intakeQueue, returnedQueue]);
  if (depths[intakeQueue] === null) return null;
  return Object.values(depths).reduce((sum, found) => sum + (found?.messages ?? 0), 0);
}

async function depth(connection: ChannelModel, queue: string): Promise<QueueDepth | null> {
  try {
    const found = await onChannel(connection, (channel) => channel.checkQueue(queue));
    return { messages: found.messageCount, consumers: found.consumerCount };
  } catch (error) {
    if (isMissingQueue(error)) return null;
    throw error;
  }
}
