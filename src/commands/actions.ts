import type { Command } from 'commander';
import type { ActionDocument } from '../coordination/actions.ts';
import { withStore } from '../registrations/neighbours.ts';
import { wholeNumber } from './arguments.ts';
import { answer, load } from './context.ts';
import { line, paint, table, when } from './table.ts';
import { examples } from './examples.ts';

export function addActions(program: Command): void {
  program
    .command('actions')
    .option('--limit <n>', 'so many', wholeNumber(1, 10_000), 20)
    .addHelpText(
      'after',
      `
Written down before its effect: pause, resume, limits, a decision on a doubt, redrive, drop, sweep. An action without a result goes on,
or its process ended before it could say: look at the thing itself.
${examples(
  ['The last 50 actions', 'despachante actions --limit 50'],
  ['Who has paused anything', 'despachante actions --json | jq \'.[] | select(.what == "pause")\''],
)}`,
    )
    .action(async ({ limit }: { limit: number }, command: Command) => {
      const found = await withStore(load(command).config, ({ actions }) => actions.latest(limit));
      const facts = found.map(({ _id, ...action }) => ({ action: _id, ...action }));
      answer(command, facts, () => (found.length === 0 ? 'Nobody did anything yet' : text(found)));
    });
}

const text = (found: readonly ActionDocument[]): string =>
  table(['when', 'who', 'what', 'on', 'result', 'why'], found.map(rowOf));

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
