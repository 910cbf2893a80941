/** Reads the failure queue for an operator: every record without taking it, and takes some of them. */
import type { Channel, ChannelModel, Message } from 'amqplib';
import { bodyHashOf } from '../body-hash.ts';
import { HEADER, failureName, malformedKey, readClaimKey } from '../../domain/names.ts';
import { parseRegistration, type ParseRules } from '../../domain/registrations/registration.ts';
import { recordsProperties } from './message.ts';
import { BrokerRefusal } from '../refusals.ts';
import { isMissingQueue, refusedAt } from './refusal.ts';

export type FailureMessage = ReturnType<typeof readFailure>;

export type FailureQueue = Awaited<ReturnType<typeof openFailureQueue>>;

/** Over a channel of its own on the given connection. @throws Error when there is no such queue */
export async function openFailureQueue(connection: ChannelModel, queue: string, rules: ParseRules) {
  const channel = await connection.createChannel();
  const lost = new AbortController();
  const gone: AbortSignal = lost.signal;
  channel.on('error', (error) => lost.abort(error));
  channel.on('close', () => lost.abort(new Error('the channel was closed')));
  const depth = await depthOf(channel, queue);
  return {
    /** Messages that were waiting when the queue was opened. */
    depth,
    /** Aborted, with the cause, when the channel is lost: all that was held is back in the queue. */
    gone,
    /**
     * Each of them once, in their order. The broker holds them, unacknowledged, until `close`: given back at once, a record
     * would be the next to be read again, without end.
     *
     * What was not acknowledged then goes back in the order it had, behind what was not read (so RabbitMQ does it with a
     * quorum queue that has a delivery limit). A quorum queue counts that as a return (x-delivery-count) and drops, or
     * dead-letters, what was returned more often than its limit allows.
     *
     * @throws Error when the channel is lost: what was read then is a part
     */
    async *messages(): AsyncGenerator<FailureMessage> {
      // Not beyond those that were there: what is redriven may come back, and would be read without end.
      for (let n = 0; n < depth; n++) {
        lost.signal.throwIfAborted();
        const message = await channel.get(queue, { noAck: false }).catch((error: unknown) => {
          throw refusedAt(error, 'read', queue);
        });
        if (message === false) return;
        yield readFailure(message, rules);
      }
    },
    /** False when the channel is gone, and the record with it back in the queue. */
    ack({ message }: FailureMessage): boolean {
      if (lost.signal.aborted) return false;
      channel.ack(message);
      return true;
    },
    close: (): Promise<void> => channel.close(),
  };
}

async function depthOf(channel: Channel, queue: string): Promise<number> {
  try {
    return (await channel.checkQueue(queue)).messageCount;
  } catch (error) {
    if (!isMissingQueue(error)) throw error;
    throw new BrokerRefusal(
      `There is no queue "${queue}". Intake declares it at its first start; or rabbit.failureQueue names another one than it should`,
      { cause: error },
    );
  }
}

/** As the failure record it should be: null for what its headers have not, since anybody may have put it there. Never throws. */
export function readFailure(message: Message, rules: ParseRules) {
  const { content: body, properties } = message;
  const headers: Record<string, unknown> = { ...properties.headers };
  const textIn = (value: unknown): string | null => (typeof value === 'string' ? value : null);
  const text = (name: string): string | null => textIn(headers[name]);
  const count = (name: string): number | null => {
    const value = headers[name];
    return typeof value === 'number' ? value : null;
  };
  const failureClass = text(HEADER.class);
  const claim = failureClass === 'malformed' ? malformedKey(bodyHashOf(body)) : text(HEADER.item);
  return {
    /** Registration id, from the claim, else from the body. */
    id: (claim === null ? null : readClaimKey(claim)?.id) ?? idIn(body, rules),
    messageId: textIn(properties.messageId),
    /** The same for every copy of the record. */
    name: claim === null || failureClass === null ? null : failureName(claim, failureClass),
    /** For a malformed delivery `malformed!<hash>`. */
    claim,
    /** That of the claim it was written for. The claim of another Despachante may have the name of one of ours. */
    token: text(HEADER.token),
    failureClass,
    /** The intake queue of the Despachante that wrote it. */
    origin: text(HEADER.origin),
    reason: text(HEADER.reason),
    at: text(HEADER.at),
    attempts: count(HEADER.attempts),
    generation: count(HEADER.generation),
    requestId: text(HEADER.requestId),
    workflowId: text(HEADER.run),
    /** How often the broker handed it out and got it back, as far as it counts. */
    returns: count('x-delivery-count') ?? 0,
    body,
    headers,
    /** Ready to publish again: without what the broker or an earlier publisher added. */
    properties: recordsProperties(properties),
    message,
  };
}

function idIn(body: Buffer, rules: ParseRules): string | null {
  const parsed = parseRegistration(body, rules);
  return parsed.ok ? parsed.id : null;
}
