/** A worker as the rest of the program knows it. `null`: left open, for the settings to fill or for the default. */
import type { Backoff } from '../domain/backoff.ts';
import type { RetryRules } from '../domain/tasks.ts';
import type { Channel } from './call.ts';
import type { Batch, Context, Items, Task } from './context.ts';
import type { Schema } from './schema.ts';

const MADE = Symbol.for('despachante.worker');

/** @typeParam Input what is sent to it @typeParam Result what its handler returns */
export interface Worker<Input = unknown, Result = unknown> extends Readonly<Open> {
  readonly [MADE]: true;
  readonly name: string;
  /** Null: the default queue. */
  readonly from: Channel | null;
  /** Gets what the handler returns. */
  readonly to: Channel | null;
  /** The name of a queue or topic beside the source; null: `dlq_` and the name of the source. */
  readonly deadLetters: string | null;
  /** Whether messages of one key are handled one after the other. */
  readonly isOrdered: boolean;
  /** False: in the worker's own process, for debuggers. */
  readonly isolate: boolean;
  /** How long results are kept, ms. */
  readonly result: { readonly keepFor: number | null; readonly keepFailuresFor: number | null };
  readonly work: Work;
  readonly hooks: Hooks;
  /** Never there: the types, for those who infer them. */
  readonly types?: { readonly input: Input; readonly result: Result };
}

/** What code may leave to the settings. Times in ms. */
export interface Open {
  /** Handler calls that run at once, in a process. */
  concurrency: number | null;
  timeout: number | null;
  retry: { readonly [Rule in keyof RetryRules]-?: RetryRules[Rule] | null };
}

/** How the messages come to the handlers. */
export type Work = One | ByType | InBatches;

export interface One {
  kind: 'one';
  schema: Schema | null;
  handle(message: unknown, context: Context): unknown;
}

export interface ByType {
  kind: 'by-type';
  field: string;
  routes: ReadonlyMap<string, One>;
}

export interface InBatches {
  kind: 'batch';
  schema: Schema | null;
  size: number;
  /** How long the first message of a batch waits for company, ms. */
  wait: number;
  whenItThrows: 'bisect' | 'retry';
  handle(items: Items<unknown>, batch: Batch): unknown;
}

/** What a worker may say besides. Methods: their parameter is the message that the schema has let through. */
export interface Hooks<Message = unknown, Result = unknown> {
  /** The id of a message, where no header has it. */
  idFrom?(message: Message): string | number | null | undefined;
  /** The key of a message, where the broker has none. */
  keyFrom?(message: Message): string | number | null | undefined;
  /** Of errors that are neither a `PermanentError` nor a `TemporaryError`. */
  classify?(error: unknown): 'permanent' | 'temporary' | undefined;
  /** After it is done and recorded. */
  onSuccess?(message: Message, result: Result, task: Task): unknown;
  /** After an attempt that is followed by another. */
  onRetry?(message: Message, error: Error, task: Task): unknown;
  /** Once, when it has failed for good. */
  onError?(message: Message, error: Error, task: Task): unknown;
}

const DEFAULTS = {
  concurrency: 4,
  timeout: 300_000,
  retry: { max: 3, kind: 'exponential', initial: 1_000 } satisfies RetryRules,
};

/** What settings may fill in. */
export interface Given extends Partial<Omit<Open, 'retry'>> {
  retry?: Partial<Open['retry']>;
}

/** The settings in force: what the code says, else what is given, else the defaults. */
export function rulesOf(worker: Open, given: Given = {}) {
  const [code, filled] = [worker.retry, given.retry];
  const kind: Backoff['kind'] = code.kind ?? filled?.kind ?? DEFAULTS.retry.kind;
  const longest = code.longest ?? filled?.longest;
  const jitter = code.jitter ?? filled?.jitter;
  const retry: RetryRules = {
    max: code.max ?? filled?.max ?? DEFAULTS.retry.max,
    kind,
    initial: code.initial ?? filled?.initial ?? DEFAULTS.retry.initial,
    ...(longest === undefined || longest === null ? {} : { longest }),
    ...(jitter === undefined || jitter === null ? {} : { jitter }),
  };
  return {
    concurrency: worker.concurrency ?? given.concurrency ?? DEFAULTS.concurrency,
    timeout: worker.timeout ?? given.timeout ?? DEFAULTS.timeout,
    retry,
  };
}

export const made = (worker: Omit<Worker, typeof MADE>): Worker =>
  Object.freeze({ ...worker, [MADE]: true as const });

/** Whether `defineWorker` made it, be it that of another copy of this package. */
export const isWorker = (value: unknown): value is Worker =>
  typeof value === 'object' && value !== null && MADE in value;
