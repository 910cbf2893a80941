import type { Command } from 'commander';
import { DOUBTFUL, drop, dropFailedTasks } from '../operations/drop.ts';
import { survey } from '../operations/failure-choice.ts';
import { withFailures } from '../operations/failure-queue.ts';
import { clearLetters } from '../operations/letters.ts';
import { part, type Part } from '../operations/reach.ts';
import { countWaiting } from '../operations/stored-failures.ts';
import { surveyTasks, taskFailures } from '../operations/task-failures.ts';
import { withStore } from '../registrations/neighbours.ts';
import { answer, load } from './context.ts';
import { CommandError, EXIT } from './exit.ts';
import { askFirst, placeOf, tellDryRun, toldOfForeign } from './failure-choice.ts';
import {
  choiceOf,
  notFound,
  requireMeant,
  saidOf,
  taskChoiceOf,
  type Asked,
} from './failure-selection.ts';
import { firstOf, line, number } from './table.ts';
import { placedWorker, type Folders } from './worker-choice.ts';

export async function dropFailures(ids: string[], options: Asked & Folders, command: Command) {
  requireMeant(ids, options);
  const { from } = options;
  if (from !== undefined) return dropOf(from, ids, options, command);
  const { config } = load(command);
  const whole = choiceOf(ids, options, config);
  const count = () => withFailures(config, (queue) => survey(queue, whole));
  if (options.dryRun === true) return tellDryRun(command, count, 'drop', ids, {});
  const limit = options.yes === true ? whole.limit : await askFirst(count, 'drop');
  const said = saidOf(ids, options, config);
  // MongoDB first: nothing is dropped where that cannot be noted.
  const { dropped, left, foreign, lost } = await withStore(
    config,
    (store) =>
      withFailures(config, (queue) => drop(queue, { ...whole, limit }, { config, store }, said)),
    'writer',
  );
  if (lost === null && ids.length > 0 && dropped.length + foreign === 0) throw notFound(ids);
  answer(command, { dropped, left, foreign }, () =>
    [droppedText(dropped, left, undefined), ...toldOfForeign({ foreign })].join('\n'),
  );
  if (lost !== null) throw new CommandError(`Cut short: ${lost}. ${DOUBTFUL}`, EXIT.unknown);
}

/** Their claims are what counts; letters in a queue of RabbitMQ are taken out of it, those in a topic stay. */
async function dropOf(from: string, ids: string[], options: Asked & Folders, command: Command) {
  const { config } = load(command);
  const whole = taskChoiceOf(ids, options);
  const count = () =>
    withStore(config, ({ own }) => surveyTasks(taskFailures(config, own, from), whole));
  if (options.dryRun === true) return tellDryRun(command, count, 'drop', ids, { from });
  const limit = options.yes === true ? whole.limit : await askFirst(count, 'drop');
  const place = await placedWorker(from, options, config);
  const { dropped, left, letters } = await withStore(
    config,
    async ({ own, actions }) => {
      const failures = taskFailures(config, own, from);
      const choice = { ...whole, limit };
      const said = saidOf(ids, options, config);
      const dropped = await dropFailedTasks({ own, actions }, failures, choice, said);
      const left = await countWaiting(failures);
      // The file of the worker tells where they are.
      const isKnown = place !== null && dropped.length > 0;
      const letters = isKnown ? await part(clearLetters(config, place, own, from)) : KEPT;
      return { dropped, left, letters };
    },
    'writer',
  );
  if (ids.length > 0 && dropped.length === 0) throw notFound(ids, from);
  const taken = letters.ok ? letters.value : null;
  answer(command, { dropped, left, letters: taken }, () =>
    [droppedText(dropped, left, from), ...(dropped.length > 0 ? [lettersText(letters)] : [])].join(
      '\n',
    ),
  );
}

const KEPT: Part<number | null> = { ok: true, value: null };

/** Letters that stay mean nothing any more: the claim counts. */
function lettersText(letters: Part<number | null>): string {
  if (!letters.ok)
    return `Their letters, which mean nothing any more, are in their queue still: ${letters.error}`;
  return letters.value === null
    ? 'Their letters stay where they are, and mean nothing any more'
    : `${number(letters.value)} letters were taken out of the queue`;
}

const SHOWN = 20;

function droppedText(
  dropped: readonly { id: string | null; class: string | null }[],
  left: number,
  from: string | undefined,
): string {
  const some = firstOf(dropped, SHOWN, (each) => `${each.class ?? '–'}  ${line(each.id ?? '–')}`);
  const sum = `Dropped ${number(dropped.length)}; ${number(left)} ${from === undefined ? 'left in the failure queue' : `left of the ${placeOf(from)}`}`;
  return [...some, sum].join('\n');
}
