/** The one form of a worker. Classes and functions with the words of other frameworks become it, too (from-class.ts, function-form.ts). */
import { milliseconds, type Duration } from '../runtime/duration.ts';
import type { Channel } from './call.ts';
import { checkOptions } from './check-options.ts';
import type { Batch, Context, Items } from './context.ts';
import type { PermanentError, TemporaryError } from './errors.ts';
import type { InputOf, OutputOf, Schema } from './schema.ts';
import { made, type Hooks, type One, type Work, type Worker } from './worker.ts';

/** What a handler returns, without `retry()`, `reject()` and other errors: those stand for a failure. */
export type ResultOf<Returned> = Exclude<Awaited<Returned>, PermanentError | TemporaryError>;

interface Options<Message, Result> extends Hooks<Message, Result> {
  /** The same in every process, and not the name of another worker. */
  name: string;
  /** Where its messages come from; the default queue unless it is given. */
  from?: Channel | undefined;
  /** Gets the returned value, with the key of the message. */
  to?: Channel | undefined;
  /** The queue or topic for what fails for good; `dlq_` and the name of the source unless it is given. */
  deadLetters?: string | undefined;
  /** Handler calls that run at once, in each process. 4 unless it is given here or in the settings. */
  concurrency?: number | undefined;
  /** Of one call: then its signal is aborted. 5 minutes unless it is given here or in the settings. */
  timeout?: Duration | undefined;
  /** `key`: messages of one key are handled one after the other, as they came; those without a key have no order. */
  ordering?: 'none' | 'key' | undefined;
  retry?: RetryOptions | undefined;
  /** How long results are kept. */
  result?: { keepFor?: Duration; keepFailuresFor?: Duration } | undefined;
  /** False: the handler runs in the worker's own process, where a debugger sees it and nothing isolates it. */
  isolate?: boolean | undefined;
}

export interface RetryOptions {
  /** Attempts after the first: 3 (which is the default) make four in all. */
  max?: number | undefined;
  /** `fixed`: `delay`; `linear`: `delay` × n; `exponential`, the default: `delay` × 2^(n-1). n is 1 for the first retry. */
  backoff?: 'fixed' | 'linear' | 'exponential' | undefined;
  /** 1s unless it is given here or in the settings. */
  delay?: Duration | undefined;
  /** No rest is longer. */
  cap?: Duration | undefined;
  /** Whether a rest is drawn from 0 to its length, so that many tasks do not come back at once. */
  jitter?: boolean | undefined;
}

export interface OneOptions<Input, Message, Returned> extends Options<Message, ResultOf<Returned>> {
  /** What a message must be. Without it, a handler gets whatever JSON there is. */
  message?: Schema<Input, Message> | undefined;
  handle(message: Message, context: Context): Returned;
}

export interface BatchOptions<Input, Message, Returned> extends Options<
  Message,
  ResultOf<Returned>
> {
  message?: Schema<Input, Message> | undefined;
  batch: {
    size: number;
    /** How long the first message waits for company. 1s unless it is given. */
    wait?: Duration | undefined;
    /** `bisect`, the default: a batch that throws is halved, until the poisonous message stands alone. `retry`: all are tried again. */
    whenItThrows?: 'bisect' | 'retry' | undefined;
  };
  /** Returns one outcome for each item, in their order: a result, `retry()`, `reject()` or an error. */
  handleBatch(
    items: Items<Message>,
    batch: Batch,
  ): readonly Returned[] | Promise<readonly Returned[]>;
}

export interface TypeOptions<Handlers extends ByTypes, Field extends string> extends Options<
  MessagesOf<Handlers>,
  ResultsOf<Handlers>
> {
  /** A handler for each type of message, by `on(schema, handle)`. A message of another type becomes a dead letter. */
  handlers: Handlers;
  /** The field that names the type; `type` unless it is given. */
  typeField?: Field | undefined;
}

/** A handler for one type of message. */
export interface Handler<Input, Message, Result> {
  readonly schema: Schema<Input, Message>;
  handle(message: Message, context: Context): Result | Promise<Result>;
}

type ByTypes = Readonly<Record<string, Handler<unknown, unknown, unknown>>>;
type MessagesOf<H extends ByTypes> =
  H[keyof H] extends Handler<unknown, infer M, unknown> ? M : never;
type ResultsOf<H extends ByTypes> = ResultOf<ReturnType<H[keyof H]['handle']>>;
type InputsOf<H extends ByTypes, Field extends string> = {
  [Type in keyof H]: InputOf<H[Type]['schema']> & Readonly<Record<Field, Type>>;
}[keyof H];

/** A handler for one type of message; the schema sees the whole message, with its type. */
export const on = <S extends Schema, Returned>(
  schema: S,
  handle: (message: OutputOf<S>, context: Context) => Returned,
) => ({ schema, handle });

/**
 * Defines a worker. Nothing is connected, and nothing runs by it.
 * @throws WorkerDefinitionError with every fault of the options
 */
export function defineWorker<Returned, Input = unknown, Message = Input>(
  options: OneOptions<Input, Message, Returned>,
): Worker<Input, ResultOf<Returned>>;
export function defineWorker<Returned, Input = unknown, Message = Input>(
  options: BatchOptions<Input, Message, Returned>,
): Worker<Input, ResultOf<Returned>>;
export function defineWorker<Handlers extends ByTypes, Field extends string = 'type'>(
  options: TypeOptions<Handlers, Field>,
): Worker<InputsOf<Handlers, Field>, ResultsOf<Handlers>>;
export function defineWorker(options: AnyOptions): Worker {
  checkOptions(options);
  const { name, from, to, deadLetters, concurrency, timeout, retry = {}, result = {} } = options;
  return made({
    name,
    from: from === undefined ? null : withGroup(from, name),
    to: to ?? null,
    deadLetters: deadLetters ?? null,
    concurrency: concurrency ?? null,
    timeout: time(timeout),
    retry: {
      max: retry.max ?? null,
      kind: retry.backoff ?? null,
      initial: time(retry.delay),
      longest: time(retry.cap),
      jitter: retry.jitter === undefined ? null : Number(retry.jitter),
    },
    result: { keepFor: time(result.keepFor), keepFailuresFor: time(result.keepFailuresFor) },
    isOrdered: options.ordering === 'key',
    isolate: options.isolate ?? true,
    work: workOf(options),
    hooks: options,
  });
}

type AnyOptions =
  | OneOptions<unknown, unknown, unknown>
  | BatchOptions<unknown, unknown, unknown>
  | TypeOptions<ByTypes, string>;

const time = (text: string | undefined): number | null =>
  text === undefined ? null : milliseconds(text);

const withGroup = (channel: Channel, group: string): Channel =>
  channel.broker === 'kafka' ? { group, ...channel } : channel;

function workOf(options: AnyOptions): Work {
  if ('handlers' in options) {
    const { handlers, typeField = 'type' } = options;
    const routes = Object.entries(handlers).map(
      ([type, each]) => [type, one(each, each.schema)] as const,
    );
    return { kind: 'by-type', field: typeField, routes: new Map(routes) };
  }
  const schema = options.message ?? null;
  if ('handle' in options) return one(options, schema);
  const { size, wait = '1s', whenItThrows = 'bisect' } = options.batch;
  const handle = (items: Items<unknown>, batch: Batch) => options.handleBatch(items, batch);
  return { kind: 'batch', schema, size, wait: milliseconds(wait), whenItThrows, handle };
}

const one = (by: Pick<One, 'handle'>, schema: Schema | null): One => ({
  kind: 'one',
  schema,
  handle: (message, context) => by.handle(message, context),
});
