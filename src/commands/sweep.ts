import type { Command } from 'commander';
import { findToSweep, sweepNow } from '../operations/sweep.ts';
import { withStore, withTemporal } from '../registrations/neighbours.ts';
import { globals, load, print, printJson } from './context.ts';
import { addSaid, saidIn, type SaidOptions } from './said.ts';
import { columns, line, number, paint, when } from './table.ts';

type Options = SaidOptions & { dryRun?: boolean };

const SHOWN = 20;

export function addSweep(program: Command): void {
  addSaid(program.command('sweep'))
    .description(
      'take up what runs have left that are dead: terminated, failed, or gone from Temporal',
    )
    .option('--dry-run', 'only tell what is stranded')
    .addHelpText(
      'after',
      `
The worker does it by itself, every five minutes. What the legacy system had accepted is polled on, what it may have is
in doubt, the rest is submitted. Sweeping twice is harmless.

Example: despachante sweep --dry-run`,
    )
    .action((options: Options, command: Command) => run(options, command));
}

async function run(options: Options, command: Command): Promise<void> {
  const { dryRun = false } = options;
  const { config } = load(command);
  const swept = await withTemporal(config, (client) =>
    dryRun
      ? withStore(config, (store) => findToSweep({ config, store, client }))
      : withStore(
          config,
          (store) => sweepNow({ config, store, client }, saidIn(options)),
          'writer',
        ),
  );
  if (globals(command).json === true) return printJson({ dryRun, ...swept });
  const { stranded, unreadable, started } = swept;
  for (const { workflowId, reason } of unreadable)
    print(
      `What the ended run ${line(workflowId)} had brought and not claimed cannot be read: ${line(reason)}`,
    );
  if (stranded.length === 0) return print('Nothing is stranded');
  const head = ['registration', 'claimed', 'its run is', 'run'].map((cell) => paint.bold(cell));
  const rows = stranded
    .slice(0, SHOWN)
    .map((each) => [line(each.id), when(each.claimedAt), each.run, line(each.workflowId)]);
  print(columns([head, ...rows]));
  if (stranded.length > SHOWN) print(`… and ${number(stranded.length - SHOWN)} more`);
  print(
    dryRun
      ? paint.dim(`${number(stranded.length)} stranded; nothing was done`)
      : `${number(stranded.length)} stranded; started ${number(started.length)} ${started.length === 1 ? 'run' : 'runs'} to take them up`,
  );
}
