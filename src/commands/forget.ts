/** `despachante forget`: removes what our collections know of one item, for example since a person has asked for it. */
import type { Command } from 'commander';
import { forget, type Remembered } from '../operations/forget.ts';
import { withStore } from '../registrations/neighbours.ts';
import { addBecause } from './arguments.ts';
import { answer, load } from './context.ts';
import { CommandError, EXIT } from './exit.ts';
import { addFrom, becauseOf, type Because } from './failure-selection.ts';
import { ofWorker } from './redrive-report.ts';
import { examples } from './examples.ts';
import { line, number, table } from './table.ts';

export function addForget(program: Command): void {
  addFrom(addBecause(program.command('forget')))
    .argument('<id>', 'of a registration, or of a task with --from: as its message has it')
    .option('--yes', 'remove it; without it nothing is changed')
    .addHelpText(
      'after',
      `
A message with that id counts as new then, and is filed again: take it out of its source first. What lies elsewhere (your
collection, Temporal, logs) is yours to remove: docs/how-to/forget-a-person.md.
${examples(
  ['Look first', 'despachante forget order-1005'],
  ['Remove it', 'despachante forget order-1005 --yes --because "request 2026-114"'],
  ['A task of a worker', 'despachante forget mail-1 --from EmailWorker --yes'],
)}`,
    )
    .action(run);
}

interface Given extends Because {
  from?: string;
  yes?: boolean;
}

async function run(id: string, given: Given, command: Command): Promise<void> {
  const { from, yes = false } = given;
  const { config } = load(command);
  const item = { id, worker: from ?? null };
  const look = () => withStore(config, ({ own }) => forget(config, own, item, false));
  const found = await look();
  if (found.kind === 'open')
    throw new CommandError(`"${id}" has not ended: wait for that. Nothing was changed`);
  if (found.kind === 'waiting')
    throw new CommandError(
      `"${id}" is a failure that waits, with its message: "despachante failures drop ${line(id)}${ofWorker(from)}" first. Nothing was changed`,
    );
  const count = [...Object.values(found.documents), found.notes].reduce((sum, n) => sum + n, 0);
  if (count === 0) throw new CommandError(`Nothing is known of "${id}"`, EXIT.notFound);
  if (!yes)
    return answer(
      command,
      { id, removed: false, ...found },
      () => `${textOf(found)}\nNothing was changed: say --yes to remove it`,
    );
  // The note of it does not say of whom.
  const removed = await withStore(
    config,
    ({ own, actions }) =>
      actions.act(
        { ...becauseOf(given), what: 'forget', on: null },
        () => forget(config, own, item, true),
        (gone) => (gone.kind === 'found' ? 'removed' : 'not removed: it goes on'),
      ),
    'writer',
  );
  if (removed.kind !== 'found')
    throw new CommandError(`"${id}" has come again meanwhile. Nothing was changed`);
  answer(command, { id, removed: true, ...removed }, () => `${textOf(removed)}\nRemoved`);
}

function textOf({ documents, notes, runs }: Remembered & { kind: 'found' }): string {
  const rows = [...Object.entries(documents), ['notes of operators', notes] as const];
  return [
    table(
      ['where', 'documents'],
      rows.map(([name, count]) => [line(name), number(count)]),
    ),
    ...runs.map((run) => `Its run: temporal workflow delete --workflow-id '${line(run)}'`),
  ].join('\n');
}
