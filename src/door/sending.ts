/** What `send` and `getProducer` do: check, publish behind the breaker, and say what an error means. */
import { randomUUID } from 'node:crypto';
import { isUnpublishable } from '../broker/rabbitmq/publisher.ts';
import { BrokerAway, BrokerRefusal } from '../broker/refusals.ts';
import { readSending, sendTask } from '../operations/send-task.ts';
import { milliseconds, type Duration } from '../runtime/duration.ts';
import { errorFacts } from '../runtime/log.ts';
import { idFault, type Publishing } from '../tasks/publishers.ts';
import type { Worker } from '../workers/worker.ts';
import { connected, type Connected } from './connected.ts';
import { NotSentError } from './not-sent.ts';
import type { Sent, SendOptions, ToTopic } from './send.ts';

/** @throws NotSentError */
export async function sendToWorker(
  worker: Worker,
  message: unknown,
  { key, id, delay }: SendOptions,
): Promise<Sent> {
  const at = connected();
  const { config, queues, publishers } = at;
  const given = { id: id ?? null, key: key ?? null, notBefore: after(delay) };
  const refused = (reason: string, cause?: unknown) =>
    new NotSentError(`Nothing was sent to ${worker.name}: ${reason}`, { kind: 'refused', cause });
  const sending = { body: bodyOf(message), ...given };
  const read = await readSending(config, queues, worker, sending).catch((cause: unknown) => {
    throw refused(
      `its idFrom or keyFrom cannot read the message (${errorFacts(cause).error})`,
      cause,
    );
  });
  if (!read.ok) throw refused(read.reason);
  return confirmed(at, read.message, () =>
    sendTask(publishers, config, queues, worker, read.message),
  );
}

/** @throws NotSentError */
export async function sendToTopic(
  broker: 'kafka' | 'rabbitmq',
  { topic: name, message, key, id = randomUUID(), delay }: ToTopic,
): Promise<Sent> {
  const at = connected();
  const to = { broker, name };
  const fault = idFault(id);
  if (fault !== null)
    throw new NotSentError(`Nothing was sent to ${name}: ${fault}`, { kind: 'refused' });
  const body = bodyOf(message);
  const sending = { to, body, key: key ?? null, messageId: id, notBefore: after(delay) };
  return confirmed(at, sending, () => at.publishers.publish(sending, `getProducer('${broker}')`));
}

function bodyOf(message: unknown): Buffer {
  const text: string | undefined = JSON.stringify(message);
  if (text !== undefined) return Buffer.from(text);
  throw new NotSentError('Nothing was sent: the message is no JSON value', { kind: 'refused' });
}

function after(delay: Duration | undefined): number | undefined {
  if (delay === undefined) return undefined;
  const ms = milliseconds(delay);
  if (!Number.isNaN(ms)) return Date.now() + ms;
  const expected = 'a duration with its unit, such as 30s or 2h';
  throw new NotSentError(`Nothing was sent: delay is ${expected}`, { kind: 'refused' });
}

/** The gate to a broker: while its breaker is open, one message in a while asks whether it is back. */
async function confirmed(
  { publishers, breakerOf, underWay }: Connected,
  message: Publishing,
  publish: () => Promise<void>,
): Promise<Sent> {
  const { messageId: id, to } = message;
  const breaker = breakerOf(publishers.addressOf(to));
  const wait = breaker.wait();
  if (wait !== null && !(await breaker.takeProbe())) {
    const more = { kind: 'unavailable', id, retryAfter: wait.retryAfter } as const;
    throw new NotSentError(`Nothing was sent to ${to.name}: ${wait.reason}`, more);
  }
  const publishing = publish();
  underWay.add(publishing);
  try {
    await publishing;
    breaker.observe('well', '');
    return { id, to: to.name };
  } catch (cause) {
    const why = errorFacts(cause).error;
    const isRefused = cause instanceof BrokerRefusal || isUnpublishable(cause);
    breaker.observe(isRefused ? 'well' : 'trouble', why);
    const isAway = cause instanceof BrokerAway;
    const kind = isRefused ? 'refused' : isAway ? 'unavailable' : 'unconfirmed';
    throw new NotSentError(`The message to ${to.name} was not confirmed: ${why}`, {
      kind,
      id,
      cause,
    });
  } finally {
    underWay.delete(publishing);
  }
}
