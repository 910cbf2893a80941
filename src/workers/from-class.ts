/** Workers as classes, with the words of other frameworks: they become what `defineWorker` makes. */
import { didYouMean, nearestName } from '../domain/nearest-name.ts';
import { WorkerDefinitionError } from './check-options.ts';
import type { ResultOf } from './define-worker.ts';
import type { Schema } from './schema.ts';
import { fromForm, CLASS_WORDS, type ClassForm } from './words.ts';
import type { Worker } from './worker.ts';

const CLASS = Symbol.for('despachante.class');

/** A class that extends it is found in a file of workers, where it is made by `new` without arguments. It has nothing of its own. */
export class TaskWorker {
  static readonly [CLASS] = true;
}

/** Whether it is a class of workers, be it one of another copy of this package. */
export const isTaskClass = (value: unknown): value is new () => ClassForm =>
  typeof value === 'function' && CLASS in value && !Object.hasOwn(value, CLASS);

export const isTaskInstance = (value: unknown): value is ClassForm =>
  typeof value === 'object' && value !== null && isTaskClass(value.constructor);

type InputOf<Form> = Form extends { message: Schema<infer Input> }
  ? Input
  : Form extends { process(message: infer Message, ...rest: never[]): unknown }
    ? Message
    : Form extends { processBatch(messages: (infer Message)[], ...rest: never[]): unknown }
      ? Message
      : unknown;
type ReturnedBy<Form> = Form extends { process(...all: never[]): infer Returned }
  ? ResultOf<Returned>
  : unknown;

const classes = new WeakMap<Worker, object>();

/** The class whose instance it was, if any. */
export const classOf = (worker: Worker): object | undefined => classes.get(worker);

/**
 * The worker that an instance of a class is.
 * @throws WorkerDefinitionError
 */
export function fromClass<Form extends ClassForm>(
  form: Form,
): Worker<InputOf<Form>, ReturnedBy<Form>>;
export function fromClass(form: ClassForm): Worker {
  const name = form.name ?? form.constructor.name;
  // What is not alike may be a field of the class's own.
  const alike = Object.keys(form).flatMap((field) => {
    const meant = CLASS_WORDS.includes(field) ? undefined : nearestName(field, CLASS_WORDS);
    const hint = 'if the field is your own, give it another name, or make it private with #';
    return meant === undefined
      ? []
      : [`${field}: is no field of a worker (${didYouMean(meant)}); ${hint}`];
  });
  if (alike.length > 0) throw new WorkerDefinitionError(name, alike);
  const worker = fromForm(form, name);
  classes.set(worker, form.constructor);
  return worker;
}
