/** `failures drop`: out of the failure queue for good. */
import type { Command } from 'commander';
import type { Config } from '../config/schema.ts';
import type { FailureMessage, FailureQueue } from '../broker/rabbitmq/dead-letter-queue.ts';
import { errorFacts } from '../runtime/log.ts';
import { EXIT, CommandError, globals, load, print, printJson } from './context.ts';
import { askFirst, chosen, counted, survey } from './failure-choice.ts';
import type { Choice } from './failure-choice.ts';
import { matcher, notFound, requireSelection, shownId, withFailures } from './failure-selection.ts';
import type { Selection } from './failure-selection.ts';
import { withStore } from './neighbours.ts';
import { line, number } from './table.ts';

export interface DropOptions extends Selection {
  yes?: boolean;
  dryRun?: boolean;
}

export async function drop(ids: string[], options: DropOptions, command: Command): Promise<void> {
  requireSelection(ids, options);
  const { config } = load(command);
  const json = globals(command).json === true;
  const whole = {
    matches: matcher(ids, options, config),
    limit: options.limit ?? Infinity,
    maxRedrives: Infinity,
  };
  if (options.dryRun === true) {
    const found = await survey(config, whole);
    if (ids.length > 0 && found.selected === 0) throw notFound(ids);
    const { selected, byClass, waiting } = found;
    if (json) return printJson({ dryRun: true, selected, byClass, waiting });
    return print(
      `Would drop ${counted(found)} of ${number(waiting)} in the failure queue. Nothing was changed`,
    );
  }
  const choice = options.yes === true ? whole : await askFirst(config, whole, 'drop');
  // MongoDB first: nothing is dropped where that cannot be noted.
  const { dropped, left, lost } = await withStore(config, async ({ claims, malformed }) => {
    const note: Note = async (keys) => {
      await claims.noteDropped(keys);
      await malformed.noteDropped(keys);
    };
    return withFailures(config, (queue) => takeOut(queue, choice, config, note));
  });
  if (lost === null && ids.length > 0 && dropped.length === 0) throw notFound(ids);
  if (json) printJson({ dropped, left });
  else {
    for (const each of dropped.slice(0, SHOWN))
      print(`${each.class ?? '–'}  ${line(each.id ?? '–')}`);
    if (dropped.length > SHOWN) print(`… and ${number(dropped.length - SHOWN)} more`);
    print(`Dropped ${number(dropped.length)}; ${number(left)} left in the failure queue`);
  }
  if (lost !== null) {
    throw new CommandError(
      `Cut short: ${lost}. The last of those dropped may be in the queue still`,
      EXIT.failed,
    );
  }
}

type Note = (claims: string[]) => Promise<void>;

/** Records that are noted, and then taken out, at a time. */
const AT_ONCE = 500;

/**
 * @param note remembers the claims of what is dropped, so that the audit can tell it from what others took. First: of a record
 * that is still in the queue it says nothing, when this is killed in between.
 * @throws what `note` throws; the records that it was to note are not taken out
 */
export async function takeOut(queue: FailureQueue, choice: Choice, config: Config, note: Note) {
  const dropped: { id: string | null; class: string | null }[] = [];
  let some: FailureMessage[] = [];
  const takeOutSome = async (): Promise<void> => {
    const taken = some;
    some = [];
    await note(taken.flatMap(({ claim }) => claim ?? []));
    for (const failure of taken) {
      if (!queue.ack(failure)) return; // then the next one throws
      dropped.push({ id: shownId(failure, config), class: failure.failureClass });
    }
  };
  try {
    for await (const failure of chosen(queue, choice, { atCap: 0 })) {
      some.push(failure);
      if (some.length === AT_ONCE) await takeOutSome();
    }
    await takeOutSome();
  } catch (error) {
    if (!queue.gone.aborted) throw error;
  }
  const lost = queue.gone.aborted ? errorFacts(queue.gone.reason).error : null;
  return { dropped, left: queue.depth - dropped.length, lost };
}

const SHOWN = 20;
