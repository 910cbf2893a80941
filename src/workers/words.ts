/** The words of the class form and of the function form, in both spellings, and what they mean to `defineWorker`. */
import type { Duration } from '../runtime/duration.ts';
import { kafka } from './channel.ts';
import { WorkerDefinitionError } from './check-options.ts';
import type { Batch, Context, Items, Task } from './context.ts';
import { defineWorker } from './define-worker.ts';
import type { Schema } from './schema.ts';
import type { Hooks, Worker } from './worker.ts';

/** The fields; each in snake_case, too. */
export interface Words {
  /** The name of the class or function unless it is given. */
  name?: string | undefined;
  outputTopic?: string | undefined;
  output_topic?: string | undefined;
  /** The worker's name unless it is given. */
  groupId?: string | undefined;
  group_id?: string | undefined;
  concurrency?: number | undefined;
  maxRetries?: number | undefined;
  max_retries?: number | undefined;
  /** exponential, linear or fixed */
  retryBackoff?: string | undefined;
  retry_backoff?: string | undefined;
  dlqTopic?: string | undefined;
  dlq_topic?: string | undefined;
  /** What a message must be. Without it nothing is checked, whatever type `process` declares. */
  message?: Schema | undefined;
}

export interface ClassForm extends Words {
  inputTopic?: string | undefined;
  input_topic?: string | undefined;
  /** Of messages that `processBatch` gets at once; 10 unless it is given. */
  batchSize?: number | undefined;
  batch_size?: number | undefined;
  /** How long the first message of a batch waits for company, in seconds; 5 unless it is given. */
  batchTimeout?: number | undefined;
  batch_timeout?: number | undefined;
  process?(message: unknown, context: Context): unknown;
  /** One outcome for each message, in their order. */
  processBatch?(messages: unknown[], batch: TaskBatch): Outcomes;
  process_batch?(messages: unknown[], batch: TaskBatch): Outcomes;
  onSuccess?(message: unknown, result: unknown, task: Task): unknown;
  on_success?(message: unknown, result: unknown, task: Task): unknown;
  onRetry?(message: unknown, error: Error, task: Task): unknown;
  on_retry?(message: unknown, error: Error, task: Task): unknown;
  onError?(message: unknown, error: Error, task: Task): unknown;
  on_error?(message: unknown, error: Error, task: Task): unknown;
}

type Outcomes = readonly unknown[] | Promise<readonly unknown[]>;

/** What `processBatch` gets besides the messages. */
export interface TaskBatch extends Batch {
  /** The messages again, each with its id, its attempt and so on. */
  readonly items: Items<unknown>;
}

const NAMES = [
  ...['name', 'outputTopic', 'groupId', 'concurrency', 'maxRetries', 'retryBackoff', 'dlqTopic'],
  'message',
];
const CLASS_NAMES = [
  ...[...NAMES, 'inputTopic', 'batchSize', 'batchTimeout', 'process', 'processBatch'],
  ...['onSuccess', 'onRetry', 'onError'],
];
const snake = (name: string): string =>
  name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const inBoth = (names: string[]): string[] => [
  ...new Set(names.flatMap((name) => [name, snake(name)])),
];
/** Of a function, and of a class. */
export const WORDS = inBoth(NAMES);
export const CLASS_WORDS = inBoth(CLASS_NAMES);

/** @throws WorkerDefinitionError */
export function fromForm(form: ClassForm, name: string): Worker {
  const faults = CLASS_NAMES.filter(
    (each) => each !== snake(each) && each in form && snake(each) in form,
  ).map((each) => `${each}: is there as ${snake(each)}, too; keep one`);
  const hasBatch = has(form, 'processBatch');
  if (!hasBatch && !('process' in form))
    faults.push('expected a method process or processBatch, got neither');
  const curve = form.retryBackoff ?? form.retry_backoff;
  const backoff = BACKOFFS.find((each) => each === curve);
  if (curve !== undefined && backoff === undefined)
    faults.push(
      `retryBackoff: expected one of ${BACKOFFS.join(', ')}, got ${JSON.stringify(curve)}`,
    );
  if (faults.length > 0) throw new WorkerDefinitionError(name, faults);
  const input = form.inputTopic ?? form.input_topic;
  const output = form.outputTopic ?? form.output_topic;
  const group = form.groupId ?? form.group_id;
  const common = {
    name,
    from: input === undefined ? undefined : kafka(input, group === undefined ? {} : { group }),
    to: output === undefined ? undefined : kafka(output),
    deadLetters: form.dlqTopic ?? form.dlq_topic,
    concurrency: form.concurrency,
    retry: { max: form.maxRetries ?? form.max_retries, backoff },
    message: form.message,
    ...hooksOf(form),
  };
  const size = form.batchSize ?? form.batch_size;
  if (!hasBatch || ('process' in form && size === 1))
    return defineWorker({
      ...common,
      handle: (message: unknown, context) => form.process?.(message, context),
    });
  const seconds: Duration = `${form.batchTimeout ?? form.batch_timeout ?? 5}s`;
  return defineWorker({
    ...common,
    batch: { size: size ?? 10, wait: seconds },
    handleBatch: (items, batch) => {
      const messages = items.map(({ message }) => message);
      const more = { ...batch, items };
      return form.processBatch?.(messages, more) ?? form.process_batch?.(messages, more) ?? [];
    },
  });
}

const BACKOFFS = ['fixed', 'linear', 'exponential'] as const;

/** `fromForm` has refused a form with both spellings, so that only one of them is called. */
const hooksOf = (form: ClassForm): Hooks => ({
  ...(has(form, 'onSuccess') && {
    onSuccess: (message, result, task) =>
      form.onSuccess?.(message, result, task) ?? form.on_success?.(message, result, task),
  }),
  ...(has(form, 'onRetry') && {
    onRetry: (message, error, task) =>
      form.onRetry?.(message, error, task) ?? form.on_retry?.(message, error, task),
  }),
  ...(has(form, 'onError') && {
    onError: (message, error, task) =>
      form.onError?.(message, error, task) ?? form.on_error?.(message, error, task),
  }),
});

const has = (form: ClassForm, name: string): boolean => name in form || snake(name) in form;
