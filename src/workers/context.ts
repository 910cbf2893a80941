/** What a handler gets besides the message. */
import type { Call, Channel, Outgoing } from './call.ts';
import { refuseUnknown } from './check-options.ts';

type Level = 'debug' | 'info' | 'warn' | 'error';

/** A line is a sentence, and facts that may stand beside it. They hold no content of messages, if you do not put it there. */
export type TaskLog = Readonly<Record<Level, (sentence: string, facts?: object) => void>>;

/** What the process gives to an attempt. */
export interface Around {
  /** Aborted when its time is over (the reason is a `TimeoutError`), or when the process stops. */
  signal: AbortSignal;
  log: TaskLog;
  /** Adds to a counter of the worker. */
  increment(name: string, by: number): void;
}

/** Which message it is, and which attempt. */
export interface Delivered {
  /** The message id. */
  readonly id: string;
  /** `<worker>/<id>`: the same over all attempts, processes and deliveries of the message. Give it to whoever you call. */
  readonly idempotencyKey: string;
  /** 1 for the first. */
  readonly attempt: number;
  readonly isLastAttempt: boolean;
  readonly key: string | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly receivedAt: Date;
}

interface Telling {
  readonly log: TaskLog;
  readonly metrics: { increment(name: string, by?: number): void };
}

/** What a hook gets. */
export interface Task extends Delivered, Telling {}

/** Sends what is published when the handler is done and recorded, and only then. The key is that of the input unless it is given. */
type Publish = (channel: Channel, message: unknown, options?: { key?: string | null }) => void;

/** What `handle` gets. */
export interface Context extends Task {
  readonly signal: AbortSignal;
  readonly publish: Publish;
}

/** A message of a batch. */
export interface Item<Message> extends Delivered {
  readonly message: Message;
  readonly publish: Publish;
}

/** The messages of a batch, in the order of the outcomes that are to be returned. */
export type Items<Message> = readonly Item<Message>[];

/** What `handleBatch` gets. */
export interface Batch extends Telling {
  readonly signal: AbortSignal;
}

export const delivered = (worker: string, call: Call): Delivered => ({
  id: call.id,
  idempotencyKey: `${worker}/${call.id}`,
  attempt: call.attempt,
  isLastAttempt: call.isLastAttempt,
  key: call.key,
  headers: call.headers,
  receivedAt: new Date(call.receivedAt),
});

/** @param facts they stand beside every line */
export function telling(around: Around, facts: object): Telling {
  const at =
    (level: Level) =>
    (sentence: string, more: object = {}) =>
      around.log[level](sentence, { ...facts, ...more });
  return {
    log: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') },
    metrics: { increment: (name, by = 1) => around.increment(name, by) },
  };
}

export const taskOf = (worker: string, call: Call, around: Around): Task => ({
  ...delivered(worker, call),
  ...telling(around, { worker, task: call.id, attempt: call.attempt }),
});

const isChannel = ({ broker, name }: Partial<Channel>): boolean =>
  (broker === 'kafka' || broker === 'rabbitmq' || broker === 'memory') && typeof name === 'string';

/** Collects what a handler publishes. */
export function openOutbox(key: string | null) {
  const outgoing: Outgoing[] = [];
  let isOpen = true;
  return {
    publish: ((channel, message, options = {}) => {
      if (!isOpen) throw new Error('publish() was called after the handler had returned');
      if (!isChannel(channel))
        throw new TypeError("publish() was called without a channel, such as kafka('emails')");
      refuseUnknown('publish()', options, ['key']);
      const text = JSON.stringify(message);
      if (text === undefined) throw new TypeError('publish() was called with no JSON value');
      const copy: unknown = JSON.parse(text);
      const own = options.key === undefined ? key : options.key;
      outgoing.push({ channel, key: own === null ? null : String(own), message: copy });
    }) satisfies Publish,
    close(): Outgoing[] {
      isOpen = false;
      return outgoing;
    },
  };
}
