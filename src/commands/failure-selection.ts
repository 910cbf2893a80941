/** Which failures a command is about: by id, class, reason and age, and how many at most. */
import { InvalidArgumentError, type Command } from 'commander';
import { FAILURE_CLASSES } from '../domain/registrations/outcome.ts';
import { TASK_FAILURES } from '../domain/tasks.ts';
import type { Config } from '../config/schema.ts';
import { durationText } from '../config/units.ts';
import { why } from '../doctor/diagnosis.ts';
import type { Choice } from '../operations/failure-choice.ts';
import { isOurs, matcher, reasonFilter, type Filters } from '../operations/failure-queue.ts';
import { shownIds, type Said } from '../operations/said.ts';
import type { TaskChoice } from '../operations/task-failures.ts';
import { addBecause, duration, oneOf, saidIn, wholeNumber } from './arguments.ts';
import { CommandError, EXIT } from './exit.ts';

export interface Selection extends Filters {
  /** The worker whose failed tasks are meant; registrations unless it is given. */
  from?: string;
  limit?: number;
  all?: boolean;
  foreign?: boolean;
}

export interface Because {
  because?: string;
  operator?: string;
}

/** What `redrive` and `drop` are told. */
export interface Asked extends Selection, Because {
  yes?: boolean;
  dryRun?: boolean;
}

export const isDescribed = ({ class: only, reason, olderThan, newerThan }: Filters): boolean =>
  [only, reason, olderThan, newerThan].some((each) => each !== undefined);

export const addFrom = (command: Command): Command =>
  command.option(
    '--from <worker>',
    'failed tasks of this worker, or files of this folder, in the place of registrations',
  );

export const addFilters = (command: Command): Command =>
  addFrom(command)
    .option(
      '--class <class>',
      `only this class: ${FAILURE_CLASSES.join(', ')}; of tasks: ${TASK_FAILURES.join(', ')}`,
      oneOf<string>([...FAILURE_CLASSES, ...TASK_FAILURES]),
    )
    .option('--reason <text>', 'only where the reason has this text, or matches /this/', readReason)
    .option('--older-than <age>', 'only those that failed longer ago, such as 2h or 3d', duration)
    .option('--newer-than <age>', 'only those that failed since, such as 30m', duration)
    .option('--limit <n>', 'at most so many', wholeNumber(1));

export const addAsked = (command: Command, verb: string): Command =>
  addBecause(addFilters(command))
    .argument('[id...]', 'registration ids, message ids of tasks, or names of records')
    .option('--all', 'all that match')
    .option(
      '--foreign',
      'also records of others: those that are no failure record for our intake queue',
    )
    .option('--yes', 'do not ask, however many match')
    .option('--dry-run', `say what would be ${verb}, and change nothing`);

function readReason(text: string): ReturnType<typeof reasonFilter> {
  try {
    return reasonFilter(text);
  } catch (error) {
    throw new InvalidArgumentError(`${why(error)}.`);
  }
}

/** @throws CommandError when the command line does not say which: what was neither named nor described is not touched */
export function requireMeant(ids: readonly string[], options: Selection): void {
  const { all = false, from, foreign = false } = options;
  if (ids.length > 0 ? all : !all && !isDescribed(options))
    throw new CommandError(WHICH, EXIT.usage);
  if (from !== undefined && foreign)
    throw new CommandError('--foreign is about the failure queue of registrations', EXIT.usage);
}

type Chosen = Selection & { maxRedrives?: number };

export function choiceOf(ids: readonly string[], options: Chosen, config: Config): Choice {
  const { limit = Infinity, maxRedrives = Infinity } = options;
  return {
    matches: matcher(ids, options, config),
    isOurs: (failure) => options.foreign === true || isOurs(failure, config),
    limit,
    maxRedrives,
  };
}

export const taskChoiceOf = (ids: readonly string[], options: Chosen): TaskChoice => ({
  ...{ ids, filters: options, asOf: Date.now() },
  ...{ limit: options.limit ?? Infinity, maxRedrives: options.maxRedrives ?? Infinity },
});

const WHICH =
  'Name one registration, or say --all, or which by --class, --reason, --older-than, --newer-than';

export const becauseOf = ({ operator, because }: Because): Said =>
  saidIn({ operator, reason: because });

/** Who wants it and why, and which failures were meant, in a line. */
export function saidOf(ids: readonly string[], selection: Asked, config: Config) {
  const { from, class: only, reason, olderThan, newerThan, limit, foreign } = selection;
  const parts = [
    from === undefined ? '' : `tasks of ${from}`,
    ids.length > 0 ? shownIds(ids, config) : 'all',
    only === undefined ? '' : `of class ${only}`,
    reason === undefined ? '' : `whose reason has ${reason.text}`,
    olderThan === undefined ? '' : `older than ${durationText(olderThan)}`,
    newerThan === undefined ? '' : `newer than ${durationText(newerThan)}`,
    limit === undefined ? '' : `${limit} at most`,
    foreign === true ? 'also of others' : '',
  ];
  return { ...becauseOf(selection), on: parts.filter((part) => part !== '').join(', ') };
}

export const notFound = (ids: readonly string[], from?: string): CommandError =>
  new CommandError(
    from === undefined
      ? `There is no failure of "${ids.join('", "')}" in the queue. "despachante status ${ids[0]}" tells what became of it`
      : `No failed task of ${from} is known by "${ids.join('", "')}". "despachante tasks result ${from} ${ids[0]}" tells what became of it`,
    EXIT.notFound,
  );
