/** What crosses between the caller and the place where handlers run: plain JSON, many to a message. */
import type { Log } from '../runtime/log.ts';
import type { Call, Ended, Hook } from '../workers/call.ts';
import type { HandlerModule } from './handler-module.ts';

/** Why a signal is aborted. `stopping`: the process goes away. */
export type Why = 'timeout' | 'cancelled' | 'stopping';

/** The number is of a job: one call, the calls of a batch, or a hook that is told of a call. */
export type Order =
  | ['open', module: HandlerModule]
  | ['run', job: number, calls: Call[], isBatch: boolean, hook: Hook | null]
  | ['abort', job: number, why: Why];

/** `heard`: its loop turns, and the handler has its abort. */
export type Told =
  | ['up']
  | ['ended', job: number, ends: Ended[]]
  | ['heard', job: number]
  | ['log', job: number, level: keyof Log, facts: object, sentence: string]
  | ['count', name: string, by: number]
  | ['fault', reason: string];

/** Where handlers run: a process of their own, or this one. */
export interface Place {
  /** In the log. */
  readonly pid: number;
  send(orders: Order[]): void;
  /** Nothing runs in it any more: it ends by itself. */
  leave(): void;
  /** Ends it with all that runs in it. */
  kill(): void;
}

/** `died` comes once, last, and never from within `open`. */
export interface PlaceEvents {
  told(told: Told[]): void;
  died(reason: string): void;
}
