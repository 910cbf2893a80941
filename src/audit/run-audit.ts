/** The whole audit: the ledgers, everything that the neighbours have, and the sum. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Config } from '../config/schema.ts';
import { audit, type AuditReport } from '../domain/audit/audit.ts';
import { labelOf } from '../intake/label.ts';
import { withRabbit, withStore, withTemporal } from '../registrations/neighbours.ts';
import { fetchFilings, readFilings } from './ledgers.ts';
import { readPublishedLedger } from './published-ledger.ts';
import { readAudit } from './reading.ts';
import { headOf, isSameSystem, systemAt, systemText, type SystemName } from './system-name.ts';

export interface AuditedLedgers {
  /** The file of what the broker confirmed. */
  published?: string;
  /** The file of what the legacy system accepted; not given, it is asked for one; false for neither. */
  legacyLedger?: string | false;
}

/** The kinds of findings and their names for people, in the order in which they are told. */
export const FINDINGS = [
  ['lost', 'lost'],
  ['filedTwice', 'filed twice'],
  ['settledTwice', 'settled twice'],
  ['stranded', 'stranded'],
  ['untraced', 'untraced'],
  ['unexpected', 'unexpected'],
  ['unreadable', 'runs not read'],
] as const;

export class OtherSystem extends Error {
  override readonly name = 'OtherSystem';
}

export type Audited = Awaited<ReturnType<typeof runAudit>>;

/** A registration between two places is looked for again. @throws OtherSystem when a ledger names another one; what a neighbour throws */
export async function runAudit({ published, legacyLedger }: AuditedLedgers, config: Config) {
  const ledger = published === undefined ? null : await readPublishedLedger(published);
  return withRabbit(config, (rabbit) =>
    withStore(config, (store) =>
      withTemporal(config, async (client) => {
        const ours = await systemAt(config);
        requireOwn(published ?? '', ledger?.systems ?? [], ours);
        if (typeof legacyLedger === 'string') requireOwnLegacy(legacyLedger, ours);
        const entries = ledger?.entries ?? null;
        const elsewhere = ledger?.systems.find(({ broker }) => broker !== ours.broker);
        const base = { config, rabbit, store, client, published: entries };
        for (let reading = 1; ; reading++) {
          const filings = await filingsOf(legacyLedger, config);
          const report = audit(await readAudit({ ...base, filings }));
          // What intake holds at this moment is in no place that can be read; it gets to one within seconds.
          const { lost, untraced, stranded } = report;
          const mayBeMoving = lost.length + untraced.length + stranded.length > 0;
          if (!mayBeMoving || reading === READINGS) {
            if (elsewhere !== undefined && report.lost.length > 0)
              throw mayWaitElsewhere(report, published ?? '', elsewhere, ours);
            return {
              ...report,
              hasLegacyLedger: filings !== null,
              /** Of what was published; true where there is none. */
              ledgerNamesSystem: ledger === null || ledger.systems.length > 0,
              /** Where the ledger was written at another address of a broker. */
              brokers: elsewhere ? { ledger: elsewhere.broker, here: ours.broker } : null,
            };
          }
          await delay(BETWEEN_MS);
        }
      }),
    ),
  );
}

/** What another system had confirmed is nowhere here, and not lost for that. @throws OtherSystem when the ledger names another one */
function requireOwn(file: string, systems: readonly SystemName[], ours: SystemName): void {
  const other = systems.find((each) => !isSameSystem(each, ours));
  if (other !== undefined) throw ofAnother(file, systemText(other), ours);
}

/** The simulator's says whose database has the claims of what it accepted. @throws as requireOwn */
function requireOwnLegacy(file: string, ours: SystemName): void {
  const head = headOf(file);
  if (head !== null && head.system !== ours.system)
    throw ofAnother(file, `system ${head.system}`, ours);
}

const ofAnother = (file: string, other: string, ours: SystemName): OtherSystem =>
  new OtherSystem(
    `The ledger ${file} belongs to the ${other}, and these addresses are those of the ${systemText(ours)}: nothing can be said of the one by the other. Give the addresses of that one, or name another ledger`,
  );

/** It may be this broker by another of its addresses, or another broker that has them in its queue. */
const mayWaitElsewhere = (
  { lost, confirmed }: AuditReport,
  file: string,
  { broker: other }: SystemName,
  { broker }: SystemName,
): OtherSystem =>
  new OtherSystem(
    `${lost.length} of ${confirmed ?? 0} in the ledger ${file} are nowhere here. It was written at the broker ${other}, and this is ${broker}: they may wait there. Give that address in AMQP_URL; if both are one broker, or that one is gone, correct the name in the ledger`,
  );

const READINGS = 4;
const BETWEEN_MS = 1_500;

async function filingsOf(legacyLedger: AuditedLedgers['legacyLedger'], config: Config) {
  if (typeof legacyLedger === 'string') return readFilings(legacyLedger);
  return legacyLedger === undefined ? fetchFilings(config) : null;
}

/** With ids as they may be shown. */
export function shownReport(report: Audited, config: Config): Audited {
  const shown = { ...report };
  for (const [kind] of FINDINGS) {
    shown[kind] = report[kind].map(({ id, what }) => ({ id: labelOf(id, config), what }));
  }
  return shown;
}
