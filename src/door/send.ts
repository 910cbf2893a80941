/** Sends messages to workers, queues and topics. What it needs is loaded with the first message: files of workers import this, too. */
import type { Duration } from '../runtime/duration.ts';
import { refuseUnknown } from '../workers/check-options.ts';
import type { Worker } from '../workers/worker.ts';

export interface SendOptions {
  /** Decides the order, where the worker keeps one, and on Kafka the partition; a handler gets it. */
  key?: string | undefined;
  /** What is sent twice under one id is handled once. A fresh one unless it is given. */
  id?: string | undefined;
  /** No handler is called before: a durable timer in its run. */
  delay?: Duration | undefined;
}

export interface Sent {
  /** The message id, for `getResult`. */
  id: string;
  /** The queue or topic. */
  to: string;
}

const OPTIONS = ['key', 'id', 'delay'];

/**
 * Sends a message to a worker. Resolves when the broker has confirmed it: written by all replicas that are in sync.
 * @throws NotSentError, also where the schema of the worker does not accept it; ConfigError with all faults of the settings
 */
export async function send<Input>(
  worker: Worker<Input>,
  message: NoInfer<Input>,
  options: SendOptions = {},
): Promise<Sent> {
  refuseUnknown('send()', options, OPTIONS);
  const { sendToWorker } = await import('./sending.ts');
  return sendToWorker(worker, message, options);
}

export interface ToTopic extends SendOptions {
  /** The topic, or the queue. */
  topic: string;
  /** What JSON can hold. */
  message: unknown;
}

export interface Producer {
  /** Resolves when the broker has confirmed it. @throws NotSentError */
  send(sending: ToTopic): Promise<Sent>;
}

/** Sends to any topic or queue; nothing is checked. @throws TypeError where there is no such broker */
export function getProducer(broker: 'kafka' | 'rabbitmq'): Producer {
  if (broker !== 'kafka' && broker !== 'rabbitmq')
    throw new TypeError(`getProducer() takes 'kafka' or 'rabbitmq', not ${String(broker)}`);
  return {
    async send(sending) {
      refuseUnknown(`getProducer('${broker}').send()`, sending, ['topic', 'message', ...OPTIONS]);
      const { sendToTopic } = await import('./sending.ts');
      return sendToTopic(broker, sending);
    },
  };
}

/**
 * Waits for what is being sent, and closes what `send`, `getProducer` and `getResult` have opened, so that the process can end. They
 * may be called again.
 */
export async function disconnect(): Promise<void> {
  const { close } = await import('./connected.ts');
  await close();
}
