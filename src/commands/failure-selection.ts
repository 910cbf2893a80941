/** Which failures a command is about: by id, class, reason and age, and how many at most. */
import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';
import type { Config } from '../config/schema.ts';
import { OUTCOMES, isFailure } from '../domain/registrations/outcome.ts';
import type { FailureClass } from '../domain/registrations/outcome.ts';
import { openFailureQueue } from '../broker/rabbitmq/dead-letter-queue.ts';
import type { FailureMessage, FailureQueue } from '../broker/rabbitmq/dead-letter-queue.ts';
import { labelOf } from '../registrations/label.ts';
import { duration, oneOf, wholeNumber } from './arguments.ts';
import { CommandError, EXIT } from './context.ts';
import { withRabbit } from './broker.ts';

export interface Filters {
  class?: FailureClass;
  reason?: (reason: string) => boolean;
  /** ms before now. */
  olderThan?: number;
  newerThan?: number;
}

export interface Selection extends Filters {
  limit?: number;
  all?: boolean;
}

const classes = OUTCOMES.filter(isFailure);

/** The options that choose by what a record is. */
export const addFilters = (command: Command): Command =>
  command
    .option(
      '--class <class>',
      `only this class: ${classes.join(', ')}`,
      oneOf<FailureClass>(classes),
    )
    .option('--reason <text>', 'only where the reason has this text, or matches /this/', readReason)
    .option('--older-than <age>', 'only what failed longer ago, such as 2h or 3d', duration)
    .option('--newer-than <age>', 'only what failed since, such as 30m', duration)
    .option('--limit <n>', 'at most so many', wholeNumber(1));

/** `some text`, whatever its case, or `/a pattern/`, with flags if need be. */
function readReason(text: string): (reason: string) => boolean {
  const [, pattern, flags] = /^\/(.+)\/([imsu]*)$/s.exec(text) ?? [];
  if (pattern === undefined) {
    const wanted = text.toLowerCase();
    return (reason) => reason.toLowerCase().includes(wanted);
  }
  try {
    const regexp = new RegExp(pattern, flags);
    return (reason) => regexp.test(reason);
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

/** A record of no known age is neither older nor newer than anything; one without a reason has the empty one. */
export function matcher(
  ids: readonly string[],
  { class: only, reason, olderThan, newerThan }: Filters,
  config: Config,
): (failure: FailureMessage) => boolean {
  const now = Date.now();
  return (failure) => {
    if (ids.length > 0 && !ids.some((id) => isMeant(failure, id, config))) return false;
    if (only !== undefined && failure.failureClass !== only) return false;
    if (reason !== undefined && !reason(failure.reason ?? '')) return false;
    if (olderThan === undefined && newerThan === undefined) return true;
    const at = Date.parse(failure.at ?? '');
    return now - at >= (olderThan ?? -Infinity) && now - at < (newerThan ?? Infinity);
  };
}

/** The failure queue for as long as `work` takes; what it does not acknowledge goes back. */
export const withFailures = <T>(
  config: Config,
  work: (queue: FailureQueue) => Promise<T>,
): Promise<T> =>
  withRabbit(config, async (connection) => {
    const rules = { ...config.registration, ...config.intake };
    const queue = await openFailureQueue(connection, config.rabbit.failureQueue, rules);
    // Acknowledgements are on the wire by now, and the close comes after them on the same channel.
    return work(queue).finally(() => queue.close().catch(() => {}));
  });

/** Whether it is meant by an argument: registration id, name of the record, the hash that stands for it in both, or messageId. */
export const isMeant = (failure: FailureMessage, id: string, config: Config): boolean =>
  [failure.id, failure.name, failure.messageId, shownId(failure, config)].includes(id) ||
  shownText(failure, failure.name, config) === id;

/** The registration id as it may be shown. */
export const shownId = ({ id }: FailureMessage, config: Config): string | null =>
  id === null ? null : labelOf(id, config);

/** A text that may hold the registration id, as it may be shown. */
export const shownText = <Text extends string | null>(
  { id }: FailureMessage,
  text: Text,
  config: Config,
): Text | string =>
  id === null || text === null ? text : text.replaceAll(id, labelOf(id, config));

export const notFound = (ids: readonly string[]): CommandError =>
  new CommandError(
    `There is no failure of "${ids.join('", "')}" in the queue. "despachante status ${ids[0]}" tells what became of it`,
    EXIT.notFound,
  );
