/** A call of a worker's handler, and how it ended: plain values, which cross to the handler process and back as JSON. */
import type { TaskFailure } from '../domain/tasks.ts';

/** One message for a handler. */
export interface Call {
  /** The message id; with the worker's name it is the idempotency key, the same over all attempts and processes. */
  id: string;
  /** 1 for the first. */
  attempt: number;
  isLastAttempt: boolean;
  key: string | null;
  headers: Record<string, string>;
  /** Epoch ms. */
  receivedAt: number;
  /** As it was delivered, in base64. */
  body: string;
  /** As its publisher has named it. */
  contentType?: string | undefined;
  /** The same: `gzip`, say. */
  contentEncoding?: string | undefined;
}

/** What a handler wants published: kept with the result, and sent only then. */
export interface Outgoing {
  channel: Channel;
  key: string | null;
  message: unknown;
}

/** Where messages come from, or go to. */
export interface Channel {
  broker: 'rabbitmq' | 'kafka' | 'memory' | 'url' | 'folder';
  /** Of the queue or topic. */
  name: string;
  /** The consumer group, on Kafka. */
  group?: string;
}

/**
 * How a call ended. `done`: the result is JSON, or undefined. `again`: it threw, or said `retry()`; `retryAfter` in ms wins over
 * the curve. `failed`: no further attempt would help. `timeout`: its time was over. `interrupted`: the process was stopping, or
 * went away for another's sake: no attempt is used up. `held`: nothing was tried, and no attempt is used up; it is called again after
 * `retryAfter` ms. `crashed`: its process died while it ran.
 */
export type Ended =
  | { kind: 'done'; result?: unknown; outgoing: Outgoing[] }
  | { kind: 'again'; reason: string; class: string; retryAfter: number | null }
  | { kind: 'failed'; failure: TaskFailure; reason: string; class: string }
  | { kind: 'timeout'; reason: string }
  | { kind: 'interrupted' }
  | { kind: 'held'; reason: string; retryAfter: number }
  | { kind: 'crashed'; reason: string };

/** What a worker is told besides, and changes nothing. */
export type Hook =
  | { kind: 'onSuccess'; result?: unknown }
  | { kind: 'onRetry' | 'onError'; class: string; reason: string };

export interface CallOptions {
  /** Nothing else runs in its process meanwhile. */
  alone?: boolean;
  /** Is done just before the handler begins; where it fails, the call is `interrupted`. */
  noted?: () => Promise<void>;
}

/** Calls handlers of one worker. Never throws. */
export interface Caller {
  call(call: Call, options?: CallOptions): Promise<Ended>;
  /** Runs a batch in one call of `handleBatch`; one end each, in their order. */
  callBatch(calls: Call[], options?: CallOptions): Promise<Ended[]>;
  /** Aborts the signal of the call of this id; a batch, when all of its calls are cancelled. */
  cancel(id: string): void;
  /** Tells a hook, and waits for nothing. One that is due when the process stops is not told. */
  tell(call: Call, hook: Hook): void;
  /** Lets running calls finish for so long, then aborts their signals; the rest is `interrupted`. */
  stop(finishWithinMs: number): Promise<void>;
}
