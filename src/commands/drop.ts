import type { Command } from 'commander';
import { DOUBTFUL, drop } from '../operations/drop.ts';
import { withFailures } from '../operations/failure-queue.ts';
import { withStore } from '../registrations/neighbours.ts';
import { CommandError, answer, load } from './context.ts';
import { askFirst, tellDryRun, toldOfForeign } from './failure-choice.ts';
import { choiceOf, notFound, saidOf, type Asked } from './failure-selection.ts';
import { firstOf, line, number } from './table.ts';

export async function dropFailures(ids: string[], options: Asked, command: Command) {
  const { config } = load(command);
  const whole = choiceOf(ids, options, config);
  if (options.dryRun === true) return tellDryRun(command, config, 'drop', ids, whole);
  const choice = options.yes === true ? whole : await askFirst(config, whole, 'drop');
  const said = saidOf(ids, options, config);
  // MongoDB first: nothing is dropped where that cannot be noted.
  const { dropped, left, foreign, lost } = await withStore(
    config,
    (store) => withFailures(config, (queue) => drop(queue, choice, { config, store }, said)),
    'writer',
  );
  if (lost === null && ids.length > 0 && dropped.length + foreign === 0) throw notFound(ids);
  answer(command, { dropped, left, foreign }, () => {
    const some = firstOf(dropped, SHOWN, (each) => `${each.class ?? '–'}  ${line(each.id ?? '–')}`);
    const sum = `Dropped ${number(dropped.length)}; ${number(left)} left in the failure queue`;
    return [...some, sum, ...toldOfForeign({ foreign })].join('\n');
  });
  if (lost !== null) throw new CommandError(`Cut short: ${lost}. ${DOUBTFUL}`);
}

const SHOWN = 20;
