/** Workers as functions, with the words of a decorator. A decorator itself is not possible: JavaScript decorates classes alone. */
import { noOption, WorkerDefinitionError } from './check-options.ts';
import type { Context } from './context.ts';
import type { ResultOf } from './define-worker.ts';
import type { Schema } from './schema.ts';
import { fromForm, WORDS, type Words } from './words.ts';
import type { Worker } from './worker.ts';

/**
 * The worker that a function is. Its name is that of the function, or else the group, unless one is given.
 * @throws WorkerDefinitionError
 */
export function worker<Returned, Input = unknown, Message = Input>(
  options: Omit<Words, 'message'> & { topic: string; message?: Schema<Input, Message> },
  handle: (message: Message, context: Context) => Returned,
): Worker<Input, ResultOf<Returned>>;
export function worker(
  { topic, ...words }: Words & { topic: string },
  process: (message: unknown, context: Context) => unknown,
): Worker {
  const name = [words.name, process.name, words.groupId, words.group_id].find(Boolean);
  if (name === undefined)
    throw new WorkerDefinitionError(`of ${topic}`, ['name: give it one, or name the function']);
  const known = ['topic', ...WORDS];
  const unknown = Object.keys(words).filter((word) => !known.includes(word));
  const faults = unknown.map((word) => noOption(word, known));
  if (faults.length > 0) throw new WorkerDefinitionError(name, faults);
  return fromForm({ ...words, inputTopic: topic, process }, name);
}
