/** `failures groups` and `failures compare`. */
import type { Command } from 'commander';
import { compareFailures, type Compared } from '../operations/compare-failures.ts';
import { withFailures } from '../operations/failure-queue.ts';
import { failureGroups } from '../operations/stored-failures.ts';
import { withStore } from '../registrations/neighbours.ts';
import { EXIT, globals, load, print, printJson } from './context.ts';
import { saidIn, type Because } from './failure-selection.ts';
import { columns, line, number, paint, when } from './table.ts';

export async function groups(command: Command): Promise<void> {
  const { config } = load(command);
  const found = await withStore(config, failureGroups);
  if (globals(command).json === true) return printJson(found);
  if (found.length === 0) return print('There is no failure');
  const head = ['waiting', 'ever', 'class', 'first', 'last', 'reason'];
  const rows = found.map((each) => [
    number(each.waiting),
    number(each.total),
    each.class,
    when(each.firstAt),
    when(each.lastAt),
    line(each.reason).slice(0, 80),
  ]);
  print(columns([head.map((cell) => paint.bold(cell)), ...rows]));
}

export async function compare(because: Because, command: Command): Promise<void> {
  const { config } = load(command);
  const compared = await withStore(
    config,
    (store) =>
      compareFailures(config, store, saidIn(because), (work) => withFailures(config, work)),
    'writer',
  );
  if (globals(command).json === true) printJson(compared);
  else print(comparedText(compared));
  const { taken, back, noted, unknown } = compared;
  if (taken + back + noted + unknown.length > 0) process.exitCode = EXIT.found;
}

const SHOWN = 20;

function comparedText({ queue, copies, unknown, noted, back, taken, waiting }: Compared): string {
  const bad = (count: number) => (count === 0 ? '0' : paint.yellow(number(count)));
  const rows = [
    ['in the queue', number(queue), copies === 0 ? '' : `${number(copies)} of them are copies`],
    ['  of failures that are known', number(queue - copies - unknown.length)],
    ['  of no claim', bad(unknown.length), 'put there by somebody else, or older than the claims'],
    ['  malformed, and not noted', bad(noted), 'MongoDB was away when they came; noted now'],
    ['  thought to be gone', bad(back), 'now known to wait'],
    ['taken by others', bad(taken), 'not in the queue, though nobody redrove or dropped them'],
    ['waiting', number(waiting), 'as it is known now'],
  ];
  const some = unknown
    .slice(0, SHOWN)
    .map(
      ({ id, class: of, messageId }) =>
        `of no claim: ${of ?? '–'}  ${line(id ?? messageId ?? '–')}`,
    );
  const more = unknown.length - some.length;
  return [columns(rows), ...some, ...(more > 0 ? [`… and ${number(more)} more`] : [])].join('\n');
}
