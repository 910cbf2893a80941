import { writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import { idempotencyKey } from '../../activities/registrations/send-chunk.ts';
import { fetchFilings, readFilings } from '../audit/ledgers.ts';
import { readAudit } from '../audit/reading.ts';
import type { AuditNeeds } from '../audit/reading.ts';
import type { Config } from '../config/schema.ts';
import { audit } from '../domain/audit/audit.ts';
import type { AuditReport } from '../domain/audit/audit.ts';
import { labelOf } from '../registrations/label.ts';
import { readPublishedLedger } from '../audit/published-ledger.ts';
import { headOf, isSameSystem, systemText } from '../audit/system-name.ts';
import type { SystemName } from '../audit/system-name.ts';
import { auditHtml } from './audit-html.ts';
import { FINDINGS, auditText } from './audit-text.ts';
import type { Audited } from './audit-text.ts';
import { CommandError, EXIT, globals, load, print, printJson } from './context.ts';
import { withRabbit } from './broker.ts';
import { systemAt, withStore, withTemporal } from './neighbours.ts';

interface AuditOptions {
  published?: string;
  /** False by `--no-legacy-ledger`. */
  legacyLedger?: string | false;
  html?: string;
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
    .option('--html <file>', 'write the report as a page, too')
    .addHelpText(
      'after',
      `
Without --published the sum is over what was claimed; without the ledger of the legacy system nothing can be said about
filing twice. Exact for a system at rest; while messages move, what is between two places is looked for again for some
seconds. Reads all claims, and looks at the whole failure queue (see "failures --help").
A ledger of another system is refused, with exit code 2. Exit code 3 when the sum does not hold, something was filed or settled twice, or
stranded, or a run cannot be read: that one is named, and the others are added up.

Example: despachante audit --published published.jsonl --legacy-ledger legacy.jsonl`,
    )
    .action(async (options: AuditOptions, command: Command) => {
      const { config } = load(command);
      const report = await runAudit(options, config);
      const { html } = options;
      if (html !== undefined)
        writeFileSync(html, auditHtml(shownReport(report, config), new Date()));
      if (globals(command).json === true) printJson(shownReport(report, config));
      else print(auditText(report, config));
      if (!report.holds) process.exitCode = EXIT.found;
    });
}

/** Reads everything and adds up; what is between two places is looked for again. */
export async function runAudit(
  { published, legacyLedger }: AuditOptions,
  config: Config,
): Promise<Audited> {
  const ledger = published === undefined ? null : await readPublishedLedger(published);
  return withRabbit(config, (rabbit) =>
    withStore(config, (store) =>
      withTemporal(config, async (client) => {
        const ours = await systemAt(config);
        requireOwn(published, ledger?.systems ?? [], ours);
        if (typeof legacyLedger === 'string') requireOwnLegacy(legacyLedger, ours);
        const entries = ledger?.entries ?? null;
        const otherBroker =
          ledger?.systems.find(({ broker }) => broker !== ours.broker)?.broker ?? null;
        const base = { config, rabbit, store, client, published: entries, keyOf: idempotencyKey };
        for (let reading = 1; ; reading++) {
          const filings = await filingsOf(legacyLedger, config);
          const needs: AuditNeeds = { ...base, filings };
          const report = audit(await readAudit(needs));
          // What intake holds at this moment is in no place that can be read; it gets to one within seconds.
          const { lost, untraced, stranded } = report;
          const mayBeMoving = lost.length + untraced.length + stranded.length > 0;
          if (!mayBeMoving || reading === READINGS) {
            if (otherBroker !== null && report.lost.length > 0)
              throw mayWaitElsewhere(report, published ?? '', otherBroker, ours);
            return {
              ...report,
              hasLegacyLedger: filings !== null,
              ledgerNamesSystem: ledger === null || ledger.systems.length > 0,
              brokers: otherBroker === null ? null : { ledger: otherBroker, here: ours.broker },
            };
          }
          await delay(BETWEEN_MS);
        }
      }),
    ),
  );
}

/** What another system had confirmed is nowhere here, and not lost for that. @throws CommandError when the ledger names another one */
function requireOwn(
  file: string | undefined,
  systems: readonly SystemName[],
  ours: SystemName,
): void {
  const other = systems.find((each) => !isSameSystem(each, ours));
  if (other !== undefined) throw ofAnother(file ?? '', systemText(other), ours);
}

/** The simulator's says whose database has the claims of what it accepted. @throws as requireOwn */
function requireOwnLegacy(file: string, ours: SystemName): void {
  const head = headOf(file);
  if (head !== null && head.system !== ours.system)
    throw ofAnother(file, `system ${head.system}`, ours);
}

const ofAnother = (file: string, other: string, ours: SystemName): CommandError =>
  new CommandError(
    `The ledger ${file} belongs to the ${other}, and these addresses are those of the ${systemText(ours)}: nothing can be said of the one by the other. Give the addresses of that one, or name another ledger`,
    EXIT.usage,
  );

/** It may be this broker by another of its addresses, or another broker that has them in its queue. */
const mayWaitElsewhere = (
  { lost, confirmed }: AuditReport,
  file: string,
  other: string,
  { broker }: SystemName,
): CommandError =>
  new CommandError(
    `${lost.length} of ${confirmed ?? 0} in the ledger ${file} are nowhere here. It was written at the broker ${other}, and this is ${broker}: they may wait there. Give that address in AMQP_URL; if both are one broker, or that one is gone, correct the name in the ledger`,
    EXIT.usage,
  );

const READINGS = 4;
const BETWEEN_MS = 1_500;

async function filingsOf(legacyLedger: AuditOptions['legacyLedger'], config: Config) {
  if (typeof legacyLedger === 'string') return readFilings(legacyLedger);
  return legacyLedger === undefined ? fetchFilings(config) : null;
}

/** With ids as they may be shown. */
function shownReport(report: Audited, config: Config): Audited {
  const shown = { ...report };
  for (const kind of FINDINGS) {
    shown[kind] = report[kind].map(({ id, what }) => ({ id: labelOf(id, config), what }));
  }
  return shown;
}
