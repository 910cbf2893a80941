/** Which failures a command is about: by id, class, reason and age, and how many at most. */
import { InvalidArgumentError, type Command } from 'commander';
import { FAILURE_CLASSES, type FailureClass } from '../domain/registrations/outcome.ts';
import type { Config } from '../config/schema.ts';
import { durationText } from '../config/units.ts';
import { reasonFilter, type Filters, type ReasonFilter } from '../operations/failure-queue.ts';
import { shownIds, type Said } from '../operations/said.ts';
import { duration, oneOf, wholeNumber } from './arguments.ts';
import { CommandError, EXIT } from './context.ts';
import { addOperator, saidIn as saidBy } from './said.ts';

export interface Selection extends Filters {
  limit?: number;
  all?: boolean;
}

/** The options that choose by what a record is. */
export const addFilters = (command: Command): Command =>
  command
    .option(
      '--class <class>',
      `only this class: ${FAILURE_CLASSES.join(', ')}`,
      oneOf<FailureClass>(FAILURE_CLASSES),
    )
    .option('--reason <text>', 'only where the reason has this text, or matches /this/', readReason)
    .option('--older-than <age>', 'only what failed longer ago, such as 2h or 3d', duration)
    .option('--newer-than <age>', 'only what failed since, such as 30m', duration)
    .option('--limit <n>', 'at most so many', wholeNumber(1));

function readReason(text: string): ReasonFilter {
  try {
    return reasonFilter(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new InvalidArgumentError(`${why}.`);
  }
}

/** What was neither named nor described is not touched. @throws CommandError when the command line does not say which */
export function requireSelection(ids: readonly string[], selection: Selection): void {
  const { class: only, reason, olderThan, newerThan, all } = selection;
  const isDescribed = [only, reason, olderThan, newerThan].some((each) => each !== undefined);
  if (ids.length > 0 ? all === true : all !== true && !isDescribed) {
    throw new CommandError(
      'Name one registration, or say --all, or which by --class, --reason, --older-than, --newer-than',
      EXIT.usage,
    );
  }
}

export interface Because {
  because?: string;
  operator?: string;
}

/** `--reason` chooses already. */
export const addBecause = (command: Command): Command =>
  addOperator(command.option('--because <text>', 'why; kept with what was done'));

export const saidIn = ({ because, ...who }: Because): Said => ({
  ...saidBy(who),
  reason: because ?? null,
});

/** Which failures were meant, in a line. */
export function meantText(ids: readonly string[], selection: Selection, config: Config): string {
  const { class: only, reason, olderThan, newerThan, limit } = selection;
  const parts = [
    ids.length > 0 ? shownIds(ids, config) : 'all',
    only === undefined ? '' : `of class ${only}`,
    reason === undefined ? '' : `whose reason has ${reason.text}`,
    olderThan === undefined ? '' : `older than ${durationText(olderThan)}`,
    newerThan === undefined ? '' : `newer than ${durationText(newerThan)}`,
    limit === undefined ? '' : `${limit} at most`,
  ];
  return parts.filter((part) => part !== '').join(', ');
}

export const notFound = (ids: readonly string[]): CommandError =>
  new CommandError(
    `There is no failure of "${ids.join('", "')}" in the queue. "despachante status ${ids[0]}" tells what became of it`,
    EXIT.notFound,
  );
