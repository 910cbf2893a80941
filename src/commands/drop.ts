/** `failures drop`: out of the failure queue for good. */
import type { Command } from 'commander';
import { DOUBTFUL, drop } from '../operations/drop.ts';
import { survey } from '../operations/failure-choice.ts';
import { isOurs, matcher, withFailures } from '../operations/failure-queue.ts';
import { withStore } from '../registrations/neighbours.ts';
import { EXIT, CommandError, globals, load, print, printJson } from './context.ts';
import type { FailureMessage } from '../broker/rabbitmq/dead-letter-queue.ts';
import { askFirst, counted, toldOfForeign } from './failure-choice.ts';
import { meantText, notFound, requireSelection, saidIn } from './failure-selection.ts';
import type { Because, Selection } from './failure-selection.ts';
import { line, number } from './table.ts';

export interface DropOptions extends Selection, Because {
  yes?: boolean;
  dryRun?: boolean;
}

export async function dropFailures(
  ids: string[],
  options: DropOptions,
  command: Command,
): Promise<void> {
  requireSelection(ids, options);
  const { config } = load(command);
  const json = globals(command).json === true;
  const whole = {
    matches: matcher(ids, options, config),
    limit: options.limit ?? Infinity,
    isOurs: (failure: FailureMessage) => options.foreign === true || isOurs(failure, config),
    maxRedrives: Infinity,
  };
  if (options.dryRun === true) {
    const found = await withFailures(config, (queue) => survey(queue, whole));
    if (ids.length > 0 && found.selected + found.foreign === 0) throw notFound(ids);
    const { selected, byClass, foreign, waiting } = found;
    if (json) return printJson({ dryRun: true, selected, byClass, foreign, waiting });
    const others = toldOfForeign(found);
    if (others !== null) print(others.replace('Left', 'Would leave'));
    return print(
      `Would drop ${counted(found)} of ${number(waiting)} in the failure queue. Nothing was changed`,
    );
  }
  const choice = options.yes === true ? whole : await askFirst(config, whole, 'drop');
  const said = { ...saidIn(options), on: meantText(ids, options, config) };
  // MongoDB first: nothing is dropped where that cannot be noted.
  const { dropped, left, foreign, lost } = await withStore(
    config,
    (store) => withFailures(config, (queue) => drop(queue, choice, { config, store }, said)),
    'writer',
  );
  if (lost === null && ids.length > 0 && dropped.length + foreign === 0) throw notFound(ids);
  if (json) printJson({ dropped, left, foreign });
  else {
    for (const each of dropped.slice(0, SHOWN))
      print(`${each.class ?? '–'}  ${line(each.id ?? '–')}`);
    if (dropped.length > SHOWN) print(`… and ${number(dropped.length - SHOWN)} more`);
    print(`Dropped ${number(dropped.length)}; ${number(left)} left in the failure queue`);
    const others = toldOfForeign({ foreign });
    if (others !== null) print(others);
  }
  if (lost !== null) {
    throw new CommandError(`Cut short: ${lost}. ${DOUBTFUL}`, EXIT.failed);
  }
}

const SHOWN = 20;
