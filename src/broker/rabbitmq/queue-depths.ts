/** How many messages wait in a queue. */
import type { ChannelModel } from 'amqplib';
import { isMissingQueue } from './refusal.ts';

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

/** A check that fails closes its channel, so that each has its own. */
async function depth(connection: ChannelModel, queue: string): Promise<QueueDepth | null> {
  const channel = await connection.createChannel();
  channel.on('error', () => {});
  try {
    const { messageCount, consumerCount } = await channel.checkQueue(queue);
    await channel.close();
    return { messages: messageCount, consumers: consumerCount };
  } catch (error) {
    if (isMissingQueue(error)) return null;
    throw error;
  }
}
