/** `failures list`: the failures by class and reason, or one by one. */
import type { Command } from 'commander';
import { listFailures, type FailureList, type FailureState } from '../operations/failures.ts';
import { withStore } from '../registrations/neighbours.ts';
import { globals, load, print, printJson } from './context.ts';
import type { Selection } from './failure-selection.ts';
import { columns, line, number, paint, when } from './table.ts';

export interface ListOptions extends Selection {
  each?: boolean;
  state: FailureState;
}

/** Single failures that are told where nobody said how many. */
const SOME = 100;
const MOST_GROUPS = 40;

export async function list(options: ListOptions, command: Command): Promise<void> {
  const { config } = load(command);
  const { limit = null, state } = options;
  const wanted = { ...options, limit, told: limit ?? SOME };
  const found = await withStore(config, (store) => listFailures(config, store, wanted));
  if (globals(command).json === true) return printJson(found);
  if (found.matching === 0) print(noneText(options, found));
  else if (options.each === true || limit !== null) tellEach(found, state);
  else tellGroups(found, state);
  if (found.finishedLater === 0) return;
  print(
    paint.yellow(
      `${number(found.finishedLater)} of those that timed out were finished by the legacy system later: redrive them, they are not POSTed again`,
    ),
  );
}

function noneText(options: ListOptions, { waiting }: FailureList): string {
  const { class: only, reason, olderThan, newerThan, state } = options;
  const isChosen = [only, reason, olderThan, newerThan].some((each) => each !== undefined);
  if (state !== 'waiting') return `No such failure is known as ${state}`;
  return isChosen && waiting > 0
    ? `None of ${number(waiting)} failures is such a one`
    : 'No failure is known to wait in the failure queue';
}

const WHERE: Readonly<Record<FailureState, string>> = {
  waiting: 'in the queue',
  redriven: 'redriven',
  dropped: 'dropped',
  taken: 'taken by others',
};

/** `3 of 4 in the queue`, as far as is known. */
const countText = (count: number, { waiting }: FailureList, state: FailureState): string =>
  state === 'waiting'
    ? `${number(count)} of ${number(waiting)} ${WHERE[state]}`
    : `${number(count)} ${WHERE[state]}`;

function tellGroups(found: FailureList, state: FailureState): void {
  const { groups, matching } = found;
  const head = ['count', 'class', 'first seen', 'last seen', 'reason'];
  const rows = groups
    .slice(0, MOST_GROUPS)
    .map((each) => [
      number(each.count),
      each.class,
      when(each.firstSeen),
      when(each.lastSeen),
      line(each.reason ?? '–').slice(0, 80),
    ]);
  print(columns([head.map((cell) => paint.bold(cell)), ...rows]));
  if (groups.length > rows.length)
    print(paint.dim(`… and ${number(groups.length - rows.length)} more reasons`));
  print(paint.dim(`${countText(matching, found, state)}; --each tells of single ones`));
}

function tellEach(found: FailureList, state: FailureState): void {
  const { failures, matching } = found;
  const head = ['registration', 'class', 'at', 'attempts', 'redriven', 'request', 'reason'];
  const rows = failures.map((each) => [
    line(each.id ?? each.record),
    each.class,
    when(each.at),
    String(each.attempts),
    String(each.generation),
    line(each.requestId ?? '–'),
    line(each.reason ?? '–').slice(0, 80) +
      (each.late === null ? '' : ` (${each.late.status} later)`),
  ]);
  print(columns([head.map((cell) => paint.bold(cell)), ...rows]));
  if (failures.length < Math.max(matching, found.waiting))
    print(paint.dim(countText(failures.length, found, state)));
}
