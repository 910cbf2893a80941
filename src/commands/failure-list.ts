import type { Command } from 'commander';
import { compareFailures, type Compared } from '../operations/compare-failures.ts';
import { withFailures } from '../operations/failure-queue.ts';
import { failuresOf } from '../operations/failures-of.ts';
import { listFailures, type FailureList, type FailureState } from '../operations/failures.ts';
import { failureGroups } from '../operations/stored-failures.ts';
import { withStore } from '../registrations/neighbours.ts';
import { answer, load } from './context.ts';
import { EXIT } from './exit.ts';
import { placeOf } from './failure-choice.ts';
import { becauseOf, isDescribed, type Because, type Selection } from './failure-selection.ts';
import { columns, firstOf, line, number, paint, table, when } from './table.ts';

interface ListOptions extends Selection {
  each?: boolean;
  state: FailureState;
}

/** Single failures that are told where nobody said how many. */
const SOME = 100;
const MOST_GROUPS = 40;

export async function list(options: ListOptions, command: Command): Promise<void> {
  const { config } = load(command);
  const { limit = null, state, from } = options;
  const wanted = { ...options, limit, told: limit ?? SOME };
  const found = await withStore(config, (store) =>
    listFailures(failuresOf(config, store, from), wanted),
  );
  answer(
    command,
    found,
    () => {
      const isEach = options.each === true || limit !== null;
      const later = `${number(found.finishedLater)} of those that timed out were finished by the legacy system later: redrive them, they are not POSTed again`;
      return [
        ...(found.matching === 0 ? noneText(options, found) : []),
        ...(found.matching > 0 ? (isEach ? eachText : groupsText)(found, state, from) : []),
        ...(found.finishedLater === 0 ? [] : [paint.yellow(later)]),
      ].join('\n');
    },
    found.matching > 0 && state === 'waiting' ? nextOf(options) : null,
  );
}

/** To have them done again, one looks first. */
function nextOf({ class: only, from }: ListOptions): string {
  const which = only === undefined ? '' : ` --class ${only}`;
  const whose = from === undefined ? '' : ` --from ${line(from)}`;
  return `despachante failures redrive --all${which}${whose} --dry-run`;
}

function noneText({ state, from, ...filters }: ListOptions, { waiting }: FailureList): string[] {
  if (state !== 'waiting') return [`No such failure is known as ${state}`];
  return isDescribed(filters) && waiting > 0
    ? [`None of ${number(waiting)} failures is such a one`]
    : [
        from === undefined
          ? 'No failure is known to wait in the failure queue'
          : `No failed task of ${line(from)} waits`,
      ];
}

const WHERE: Readonly<Record<FailureState, string>> = {
  waiting: 'in the queue',
  redriven: 'redriven',
  dropped: 'dropped',
  taken: 'taken by others',
};

/** `3 of 4 in the queue`, as far as is known. */
function countText(
  count: number,
  { waiting }: FailureList,
  state: FailureState,
  from: string | undefined,
): string {
  const where = state === 'waiting' && from !== undefined ? placeOf(from) : WHERE[state];
  return `${number(count)}${state === 'waiting' ? ` of ${number(waiting)}` : ''} ${where}`;
}

function groupsText(found: FailureList, state: FailureState, from?: string): string[] {
  const { groups, matching } = found;
  const rows = groups
    .slice(0, MOST_GROUPS)
    .map((each) => [
      number(each.count),
      each.class,
      when(each.firstSeen),
      when(each.lastSeen),
      line(each.reason ?? '–').slice(0, 80),
    ]);
  const more = groups.length - rows.length;
  return [
    table(['count', 'class', 'first seen', 'last seen', 'reason'], rows),
    ...(more > 0 ? [paint.dim(`… and ${number(more)} more reasons`)] : []),
    paint.dim(`${countText(matching, found, state, from)}; --each tells of single ones`),
  ];
}

function eachText(found: FailureList, state: FailureState, from?: string): string[] {
  const { failures, matching, waiting } = found;
  const isTask = from !== undefined;
  const item = isTask ? 'task' : 'registration';
  const head = [
    item,
    'class',
    'at',
    'attempts',
    'redriven',
    isTask ? 'error' : 'request',
    'reason',
  ];
  const rows = failures.map((each) => [
    line(each.id ?? each.record),
    each.class,
    when(each.at),
    String(each.attempts),
    String(each.generation),
    line(each.requestId ?? each.error ?? '–'),
    line(each.reason ?? '–').slice(0, 80) +
      (each.late === null ? '' : ` (${each.late.status} later)`),
  ]);
  const isWhole = failures.length >= Math.max(matching, waiting);
  const count = paint.dim(countText(failures.length, found, state, from));
  return [table(head, rows), ...(isWhole ? [] : [count])];
}

export async function groups({ from }: { from?: string }, command: Command): Promise<void> {
  const { config } = load(command);
  const found = await withStore(config, (store) => failureGroups(failuresOf(config, store, from)));
  const head = ['waiting', 'ever', 'class', 'first', 'last', 'reason'];
  const rows = found.map((each) => [
    number(each.waiting),
    number(each.total),
    each.class,
    when(each.firstAt),
    when(each.lastAt),
    line(each.reason).slice(0, 80),
  ]);
  answer(command, found, () => (rows.length === 0 ? 'There is no failure' : table(head, rows)));
}

export async function compare(because: Because, command: Command): Promise<void> {
  const { config } = load(command);
  const compared = await withStore(
    config,
    (store) =>
      compareFailures(config, store, becauseOf(because), (work) => withFailures(config, work)),
    'writer',
  );
  answer(command, compared, () => comparedText(compared));
  const { taken, held, back, noted, unknown } = compared;
  if (taken + held + back + noted + unknown.length > 0) process.exitCode = EXIT.found;
}

const SHOWN = 20;

function comparedText(compared: Compared): string {
  const { queue, copies, unknown, noted, back, taken, held, waiting } = compared;
  const bad = (count: number) => (count === 0 ? '0' : paint.yellow(number(count)));
  const rows = [
    ['in the queue', number(queue), copies === 0 ? '' : `${number(copies)} of them are copies`],
    ['  of failures that are known', number(queue - copies - unknown.length)],
    ['  of no claim', bad(unknown.length), 'put there by somebody else, or older than the claims'],
    ['  malformed, and not noted', bad(noted), 'MongoDB was away when they came; noted now'],
    ['  thought to be gone', bad(back), 'now known to wait'],
    ['taken by others', bad(taken), 'not in the queue, though nobody redrove or dropped them'],
    ...(held === 0
      ? []
      : [
          ['held, or taken', bad(held), 'a redrive runs and holds records: compare again after it'],
        ]),
    ['waiting', number(waiting), 'as it is known now'],
  ];
  const some = firstOf(unknown, SHOWN, ({ id, class: of, messageId }) => {
    return `of no claim: ${of ?? '–'}  ${line(id ?? messageId ?? '–')}`;
  });
  return [columns(rows), ...some].join('\n');
}
