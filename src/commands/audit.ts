import { writeFileSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';
import type { Command } from 'commander';
import { OtherSystem, runAudit, shownReport, type AuditedLedgers } from '../audit/run-audit.ts';
import { labelOf } from '../intake/label.ts';
import { inHtml } from '../runtime/foreign-text.ts';
import type { Config } from '../config/schema.ts';
import { auditOfWorker } from '../operations/audit-now.ts';
import { auditText, taskAuditText } from './audit-text.ts';
import { answer, load } from './context.ts';
import { CommandError, EXIT } from './exit.ts';
import { examples } from './examples.ts';

export function addAudit(program: Command): void {
  program
    .command('audit')
    .option('--published <file>', 'the confirmed messages, as "publish --ledger" notes them')
    .option(
      '--legacy-ledger <file>',
      'the accepted registrations, as "simulate --ledger" notes them (default: GET <LEGACY_URL>/ledger, if it has that)',
    )
    .option('--no-legacy-ledger', 'do not look for one')
    .option('--html <file>', 'write the report as a page, too')
    .option('--worker <name>', 'the tasks of this worker, in the place of registrations')
    .addHelpText(
      'after',
      `
Without --published the sum is over the claims; without the ledger of the legacy system nothing can be said about
filing twice. Exact for a system at rest; while messages move, it looks again for some
seconds for those between two places. Reads all claims, and looks at the whole failure queue (see "failures --help").
A ledger of another system is refused, with exit code 2. Exit code 3 when the sum does not hold, something was filed or settled twice, or
stranded, or a run cannot be read: that one is named, and the others are added up.

With --worker: published, or claimed = done + dead + dropped + open + waiting. A ledger of tasks is made by "tasks send --ledger",
or has lines {"id": …, "sha256": …} of a publisher of your own.
${examples(
  [
    'From the confirmed messages to the end of each registration',
    'despachante audit --published published.jsonl --legacy-ledger legacy.jsonl',
  ],
  ['The same as a page', 'despachante audit --published published.jsonl --html audit.html'],
  ['The tasks of one worker', 'despachante audit --worker EmailWorker --published sent.jsonl'],
)}`,
    )
    .action(async (options: AuditOptions, command: Command) => {
      const { config } = load(command);
      if (options.worker !== undefined)
        return auditOf(options.worker, options.published ?? null, config, command);
      const report = await runAudit(options, config).catch((error: unknown) => {
        if (error instanceof OtherSystem) throw new CommandError(error.message, EXIT.usage);
        throw error;
      });
      const text = auditText(report, config);
      if (options.html !== undefined) writeFileSync(options.html, pageOf(text, new Date()));
      answer(command, shownReport(report, config), () => text);
      if (!report.holds) process.exitCode = EXIT.found;
    });
}

interface AuditOptions extends AuditedLedgers {
  html?: string;
  worker?: string;
}

async function auditOf(worker: string, ledger: string | null, config: Config, command: Command) {
  const report = await auditOfWorker(config, worker, ledger);
  const shown = (ids: readonly string[]) => ids.map((id) => labelOf(id, config));
  const facts = {
    ...report,
    lost: shown(report.lost),
    doneTwice: shown(report.doneTwice),
    stranded: shown(report.stranded),
  };
  answer(command, facts, () => taskAuditText(facts));
  if (!report.holds) process.exitCode = EXIT.found;
}

/** The report as one page that needs nothing else: no script, no font, no picture. */
function pageOf(text: string, at: Date): string {
  const lines = stripVTControlCharacters(text).split('\n').map(inHtml);
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Audit</title>
<h1>Audit of ${at.toISOString()}</h1>
<pre>${lines.join('\n')}</pre>
</html>
`;
}
