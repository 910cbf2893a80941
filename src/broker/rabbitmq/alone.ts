/** One message at a time, each over its own connection: a broker that closes a channel does not say for which message. */
import type { ChannelModel, Options } from 'amqplib';
import { within } from '../../runtime/retry.ts';
import { connectOnce, type LinkOptions } from './connection.ts';
import { createSlots } from '../../runtime/slots.ts';
import { MessageRefused } from '../refusals.ts';

/**
 * Codes by which a broker closes a channel (311 too large, 406 precondition failed) or a connection (501 frame error, 502
 * syntax error, 505 unexpected frame) for one message. 403, 404 and 541 are about all messages.
 */
const FOR_A_MESSAGE: ReadonlySet<unknown> = new Set([311, 406, 501, 502, 505]);

export const mayBeForAMessage = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && FOR_A_MESSAGE.has(error.code);

type Publish = (queue: string, body: Buffer, properties: Options.Publish) => Promise<void>;

/** @throws MessageRefused, or Error when it cannot be told now: the broker is away, or does not confirm in time */
export function createAlone(
  { url, name, heartbeatMs, tls }: Pick<LinkOptions, 'url' | 'heartbeatMs' | 'tls' | 'name'>,
  confirmMs: number,
): Publish {
  const turns = createSlots(1);
  return async (queue, body, properties) => {
    await turns.take(1);
    let connection: ChannelModel | null = null;
    try {
      connection = await connectOnce(url, `${name}, alone`, heartbeatMs, tls);
      const sent = publishOn(connection, queue, body, properties);
      await within(confirmMs, `confirm of a message to "${queue}"`, sent);
    } catch (error) {
      if (!mayBeForAMessage(error)) throw error;
      const why = error instanceof Error ? error.message : String(error);
      throw new MessageRefused(`the broker refuses it: ${why}`, { cause: error });
    } finally {
      turns.release(1);
      if (connection !== null) within(3_000, 'close', connection.close()).catch(() => {});
    }
  };
}

async function publishOn(
  connection: ChannelModel,
  queue: string,
  body: Buffer,
  properties: Options.Publish,
): Promise<void> {
  const channel = await connection.createConfirmChannel();
  await new Promise<void>((resolve, reject) => {
    connection.on('error', reject);
    channel.on('error', reject);
    // After an error, which says more.
    connection.on('close', () => reject(new Error('the connection was lost')));
    channel.on('return', () => reject(new Error(`queue "${queue}" does not exist`)));
    const options = { ...properties, persistent: true, mandatory: true };
    channel.publish('', queue, body, options, (error) =>
      error instanceof Error ? reject(error) : resolve(),
    );
  });
}
