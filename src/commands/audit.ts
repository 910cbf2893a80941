import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import { idempotencyKey } from '../../activities/submit.ts';
import { fetchFilings, readFilings } from '../audit-ledgers.ts';
import { readAudit } from '../audit-reading.ts';
import type { AuditNeeds } from '../audit-reading.ts';
import type { Config } from '../config-schema.ts';
import { audit } from '../domain/audit.ts';
import type { AuditReport } from '../domain/audit.ts';
import { labelOf } from '../label.ts';
import { readPublishedLedger } from '../published-ledger.ts';
import { EXIT, globals, load, print, printJson } from './context.ts';
import { withRabbit, withStore, withTemporal } from './neighbours.ts';
import { columns, line, number, paint } from './table.ts';

interface AuditOptions {
  published?: string;
  /** False by `--no-legacy-ledger`. */
  legacyLedger?: string | false;
}

export function addAudit(program: Command): void {
  program
    .command('audit')
    .description('prove the sum: confirmed = registered + failed + in doubt + in flight, each once')
    .option('--published <file>', 'what the broker confirmed, as "publish --ledger" notes it')
    .option(
      '--legacy-ledger <file>',
      'what the legacy system accepted, as "simulate --ledger" notes it (default: GET <LEGACY_URL>/ledger, if it has that)',
    )
    .option('--no-legacy-ledger', 'do not look for one')
    .addHelpText(
      'after',
      `
Without --published the sum is over what was claimed; without the ledger of the legacy system nothing can be said about
filing twice. Exact for a system at rest; while messages move, what is between two places is looked for again for some
seconds. Reads all claims, and looks at the whole failure queue (see "failures --help").
Exit code 3 when the sum does not hold, or something was filed or settled twice, or stranded.

Example: despachante audit --published published.jsonl --legacy-ledger legacy.jsonl`,
    )
    .action(async (options: AuditOptions, command: Command) => {
      const { config } = load(command);
      const report = await run(options, config);
      if (globals(command).json === true) printJson(shownReport(report, config));
      else print(reportText(report, config));
      if (!report.holds) process.exitCode = EXIT.found;
    });
}

type Audited = AuditReport & { hasLegacyLedger: boolean };

async function run({ published, legacyLedger }: AuditOptions, config: Config): Promise<Audited> {
  const ledger = published === undefined ? null : await readPublishedLedger(published);
  return withRabbit(config, (rabbit) =>
    withStore(config, (store) =>
      withTemporal(config, async (client) => {
        const base = { config, rabbit, store, client, published: ledger, keyOf: idempotencyKey };
        for (let reading = 1; ; reading++) {
          const filings = await filingsOf(legacyLedger, config);
          const needs: AuditNeeds = { ...base, filings };
          const report = audit(await readAudit(needs));
          // What intake holds at this moment is in no place that can be read; it gets to one within seconds.
          const mayBeMoving = report.lost.length + report.stranded.length > 0;
          if (!mayBeMoving || reading === READINGS) {
            return { ...report, hasLegacyLedger: filings !== null };
          }
          await delay(BETWEEN_MS);
        }
      }),
    ),
  );
}

const READINGS = 4;
const BETWEEN_MS = 1_500;

async function filingsOf(legacyLedger: AuditOptions['legacyLedger'], config: Config) {
  if (typeof legacyLedger === 'string') return readFilings(legacyLedger);
  return legacyLedger === undefined ? fetchFilings(config) : null;
}

const FINDINGS = ['lost', 'filedTwice', 'settledTwice', 'stranded', 'unexpected'] as const;

/** With ids as they may be shown. */
function shownReport(report: Audited, config: Config): Audited {
  const shown = { ...report };
  for (const kind of FINDINGS) {
    shown[kind] = report[kind].map(({ id, what }) => ({ id: labelOf(id, config), what }));
  }
  return shown;
}

const SHOWN = 5;

function reportText(report: Audited, config: Config): string {
  const { confirmed, repeated, inFlight, failed } = report;
  const failures = Object.entries(failed);
  const sum = (counts: number[]) => counts.reduce((total, count) => total + count, 0);
  const totalFailed = sum(Object.values(failed));
  const totalInFlight = inFlight.claimed + inFlight.inRuns + inFlight.waiting;
  const total = report.registered + totalFailed + report.inDoubt + totalInFlight + report.unroutable;
  const rows = [
    confirmed === null
      ? ['claimed', number(total + report.lost.length), 'no ledger of what was published: see --published']
      : ['confirmed', number(confirmed), repeated === 0 ? '' : `and ${number(repeated)} repeated, told by id and body`],
    ['  registered', number(report.registered)],
    ['  failed', number(totalFailed), failures.map(([kind, count]) => `${kind} ${number(count)}`).join(', ')],
    ['  in doubt', number(report.inDoubt)],
    ['  in flight', number(totalInFlight), inFlightText(inFlight)],
    ...(report.unroutable === 0 ? [] : [['  unroutable', number(report.unroutable), 'set aside in MongoDB']]),
    ['malformed', number(report.malformed), 'deliveries that were no registrations, in the failure queue'],
  ];
  const isChecked = report.hasLegacyLedger ? '' : 'not checked: no ledger of the legacy system';
  const verdicts: string[][] = FINDINGS.map((kind) => {
    const count = report[kind].length;
    if (kind === 'filedTwice' && isChecked !== '') return ['filed twice', '?', isChecked];
    const bad = kind === 'unexpected' ? paint.yellow : paint.red;
    return [NAMES[kind], count === 0 ? paint.green('0') : bad(number(count)), ''];
  });
  const notes = FINDINGS.flatMap((kind) => [
    ...report[kind]
      .slice(0, SHOWN)
      .map(({ id, what }) => `${NAMES[kind]}: ${line(labelOf(id, config))}: ${what}`),
    ...(report[kind].length > SHOWN ? [`… and ${number(report[kind].length - SHOWN)} more (see --json)`] : []),
  ]);
  if (report.filedAgain > 0) notes.push(`Filed again on somebody's word: ${number(report.filedAgain)}`);
  if (report.copies > 0) notes.push(`Copies of records in the failure queue: ${number(report.copies)}, harmless`);
  const verdict = report.holds ? paint.green('The sum holds') : paint.red('The sum does not hold');
  return [columns([...rows, ...verdicts]), ...(notes.length > 0 ? ['', ...notes] : []), '', verdict].join('\n');
}

const NAMES: Readonly<Record<(typeof FINDINGS)[number], string>> = {
  lost: 'lost',
  filedTwice: 'filed twice',
  settledTwice: 'settled twice',
  stranded: 'stranded',
  unexpected: 'unexpected',
};

const inFlightText = ({ claimed, inRuns, waiting }: AuditReport['inFlight']): string =>
  [
    ...(claimed > 0 ? [`claimed ${number(claimed)}`] : []),
    ...(inRuns > 0 ? [`in runs that have not claimed yet ${number(inRuns)}`] : []),
    ...(waiting > 0 ? [`in queues ${number(waiting)}`] : []),
  ].join(', ');

