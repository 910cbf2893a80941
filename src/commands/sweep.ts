import type { Command } from 'commander';
import { findToSweep, sweepNow, type SweepFacts } from '../operations/sweep.ts';
import { withStore, withTemporal } from '../registrations/neighbours.ts';
import { addSaid, saidIn, type SaidOptions } from './arguments.ts';
import { answer, load } from './context.ts';
import { line, number, paint, table, when } from './table.ts';
import { examples } from './examples.ts';

const SHOWN = 20;

export function addSweep(program: Command): void {
  addSaid(program.command('sweep'))
    .option('--dry-run', 'only list the stranded registrations')
    .addHelpText(
      'after',
      `
The worker does it by itself, every five minutes. An accepted registration is polled on, one that may be
accepted is in doubt, the rest is submitted. Sweeping twice is harmless.
${examples(
  ['Look first', 'despachante sweep --dry-run'],
  [
    'Do it now, with the reason',
    'despachante sweep --reason "the runs of the old namespace are gone"',
  ],
)}`,
    )
    .action(run);
}

async function run(options: SaidOptions & { dryRun?: boolean }, command: Command): Promise<void> {
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
  const isMore = dryRun && swept.stranded.length > 0;
  const next = isMore ? 'despachante sweep' : null;
  answer(command, { dryRun, ...swept }, () => textOf(swept, dryRun), next);
}

function textOf({ stranded, unreadable, started }: SweepFacts, dryRun: boolean): string {
  const notRead = unreadable.map(
    ({ workflowId, reason }) =>
      `The messages of the ended run ${line(workflowId)} cannot be read, and are not taken up: ${line(reason)}`,
  );
  if (stranded.length === 0) return [...notRead, 'Nothing is stranded'].join('\n');
  const rows = stranded
    .slice(0, SHOWN)
    .map((each) => [line(each.id), when(each.claimedAt), each.run, line(each.workflowId)]);
  const more = stranded.length - rows.length;
  const runs = `${number(started.length)} ${started.length === 1 ? 'run' : 'runs'}`;
  return [
    ...notRead,
    table(['registration', 'claimed', 'its run is', 'run'], rows),
    ...(more > 0 ? [`… and ${number(more)} more`] : []),
    dryRun
      ? paint.dim(`${number(stranded.length)} stranded; nothing was done`)
      : `${number(stranded.length)} stranded; started ${runs} to take them up`,
  ].join('\n');
}
