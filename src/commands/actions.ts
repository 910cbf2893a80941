/** `actions`: what operators did. */
import type { Command } from 'commander';
import type { ActionDocument } from '../coordination/actions.ts';
import { withStore } from '../registrations/neighbours.ts';
import { wholeNumber } from './arguments.ts';
import { globals, load, print, printJson } from './context.ts';
import { columns, line, paint, when } from './table.ts';

export function addActions(program: Command): void {
  program
    .command('actions')
    .description(
      'what operators did: who, what, on what, why, and what came of it; the latest first',
    )
    .option('--limit <n>', 'so many', wholeNumber(1, 10_000), 20)
    .addHelpText(
      'after',
      `
Written down before its effect: pause, resume, limits, a word on a doubt, redrive, drop, sweep. What has no result goes on, or its
process ended before it could say; look at what it was about.

Example: despachante actions --limit 50`,
    )
    .action(({ limit }: { limit: number }, command: Command) => list(limit, command));
}

async function list(limit: number, command: Command): Promise<void> {
  const { config } = load(command);
  const found = await withStore(config, ({ actions }) => actions.latest(limit));
  if (globals(command).json === true)
    return printJson(found.map(({ _id, ...action }) => ({ action: _id, ...action })));
  if (found.length === 0) return print('Nobody did anything yet');
  const head = ['when', 'who', 'what', 'on', 'result', 'why'].map((cell) => paint.bold(cell));
  print(columns([head, ...found.map(rowOf)]));
}

const rowOf = ({ at, by, what, on, reason, result }: ActionDocument): string[] => [
  when(at),
  line(by),
  what,
  line(on ?? '–').slice(0, 60),
  result === null
    ? paint.yellow('none')
    : result.isDone
      ? line(result.text)
      : paint.red(line(result.text)),
  line(reason ?? '–'),
];
