import type { Command } from 'commander';
import type { Config } from '../config/schema.ts';
import { requireAgreement } from '../coordination/encryption-agreement.ts';
import { labelOf } from '../registrations/label.ts';
import { lookForLateOnce } from '../operations/late.ts';
import { findLeft, sweepNeeds, takeUp } from '../registrations/sweep.ts';
import type { Stranded } from '../registrations/sweep.ts';
import type { Unclaimed } from '../registrations/unclaimed.ts';
import { globals, load, print, printJson } from './context.ts';
import { withStore, withTemporal } from './neighbours.ts';
import { columns, line, number, paint, when } from './table.ts';

const SHOWN = 20;

export function addSweep(program: Command): void {
  program
    .command('sweep')
    .description(
      'take up what runs have left that are dead: terminated, failed, or gone from Temporal',
    )
    .option('--dry-run', 'only tell what is stranded')
    .addHelpText(
      'after',
      `
The worker does it by itself, every five minutes. What the legacy system had accepted is polled on, what it may have is
in doubt, the rest is submitted. What has timed out and is due to be asked for again is asked for.
Sweeping twice is harmless.

Example: despachante sweep --dry-run`,
    )
    .action((options: { dryRun?: boolean }, command: Command) => run(options, command));
}

async function run({ dryRun = false }: { dryRun?: boolean }, command: Command): Promise<void> {
  const { config } = load(command);
  const { stranded, unclaimed, unreadable, started, late } = await withTemporal(config, (client) =>
    withStore(config, async (store) => {
      if (!dryRun) await requireAgreement(config, store.control);
      const needs = sweepNeeds(config, store, client);
      const found = await findLeft(needs);
      if (dryRun) return { ...found, started: [], late: [] };
      const { started } = await takeUp(needs, found);
      return { ...found, started, late: await lookForLateOnce(config, store) };
    }),
  );
  const facts = [
    ...stranded.map((each) => factsOf(each, config)),
    ...unclaimed.flatMap(unclaimedFacts),
  ];
  if (globals(command).json === true) {
    const unread = [...unreadable].map(([workflowId, reason]) => ({ workflowId, reason }));
    return printJson({ dryRun, stranded: facts, unreadable: unread, started, late });
  }
  for (const [workflowId, reason] of unreadable)
    print(
      `What the ended run ${line(workflowId)} had brought and not claimed cannot be read: ${line(reason)}`,
    );
  for (const { id, requestId, status } of late)
    print(`${line(id)} had timed out, and is ${status} (request ${line(requestId)}): redrive it`);
  if (facts.length === 0) return print('Nothing is stranded');
  const head = ['registration', 'claimed', 'its run is', 'run'].map((cell) => paint.bold(cell));
  const rows = facts
    .slice(0, SHOWN)
    .map((each) => [line(each.id), when(each.claimedAt), each.run, line(each.workflowId)]);
  print(columns([head, ...rows]));
  if (facts.length > SHOWN) print(`… and ${number(facts.length - SHOWN)} more`);
  print(
    dryRun
      ? paint.dim(`${number(facts.length)} stranded; nothing was done`)
      : `${number(facts.length)} stranded; started ${number(started.length)} ${started.length === 1 ? 'run' : 'runs'} to take them up`,
  );
}

const factsOf = ({ claim, run }: Stranded, config: Config) => ({
  id: labelOf(claim.registration, config),
  generation: claim.generation,
  claimedAt: claim.claimedAt,
  /** `closed`, or `unknown` to Temporal. */
  run,
  workflowId: claim.workflowId,
});

/** Its run was ended before it came to claim it. */
const unclaimedFacts = ({ workflowId, registrations }: Unclaimed) =>
  registrations.map(({ label, redrive }) => ({
    id: label,
    generation: redrive === null ? 0 : redrive + 1,
    claimedAt: null,
    run: 'closed' as const,
    workflowId,
  }));
