import type { Config } from '../config/schema.ts';
import { FINDINGS, type Audited } from '../audit/run-audit.ts';
import type { AuditReport } from '../domain/audit/audit.ts';
import { labelOf } from '../registrations/label.ts';
import { columns, line, number, paint } from './table.ts';

/** Worth a look, and no reason for "does not hold". */
const HARMLESS: readonly (typeof FINDINGS)[number][] = ['untraced', 'unexpected'];

const SHOWN = 5;

/** The report for people: the sum, the verdicts, some of the findings. */
export function auditText(report: Audited, config: Config): string {
  const { confirmed, repeated, inFlight, failed } = report;
  const failures = Object.entries(failed);
  const sum = (counts: number[]) => counts.reduce((total, count) => total + count, 0);
  const totalFailed = sum(Object.values(failed));
  const totalInFlight = inFlight.claimed + inFlight.inRuns + inFlight.waiting;
  const total = report.registered + totalFailed + report.inDoubt + totalInFlight + report.setAside;
  const rows = [
    confirmed === null
      ? [
          'claimed',
          number(total + report.lost.length),
          'no ledger of what was published: see --published',
        ]
      : [
          'confirmed',
          number(confirmed),
          repeated === 0 ? '' : `and ${number(repeated)} repeated, told by id and body`,
        ],
    ['  registered', number(report.registered)],
    [
      '  failed',
      number(totalFailed),
      failures.map(([kind, count]) => `${kind} ${number(count)}`).join(', '),
    ],
    ...takenRows(report),
    ['  in doubt', number(report.inDoubt)],
    ['  in flight', number(totalInFlight), inFlightText(inFlight)],
    ...(report.setAside === 0
      ? []
      : [
          [
            '  set aside',
            number(report.setAside),
            'in MongoDB; "despachante status" tells of each',
          ],
        ]),
    [
      'malformed',
      number(report.malformed),
      'deliveries that were no registrations, in the failure queue',
    ],
  ];
  const isChecked = report.hasLegacyLedger ? '' : 'not checked: no ledger of the legacy system';
  const verdicts: string[][] = FINDINGS.map((kind) => {
    const count = report[kind].length;
    if (kind === 'filedTwice' && isChecked !== '') return ['filed twice', '?', isChecked];
    const bad = HARMLESS.includes(kind) ? paint.yellow : paint.red;
    return [NAMES[kind], count === 0 ? paint.green('0') : bad(number(count)), ''];
  });
  const notes = FINDINGS.flatMap((kind) => [
    ...report[kind]
      .slice(0, SHOWN)
      .map(({ id, what }) => `${NAMES[kind]}: ${line(labelOf(id, config))}: ${line(what)}`),
    ...(report[kind].length > SHOWN
      ? [`… and ${number(report[kind].length - SHOWN)} more (see --json)`]
      : []),
  ]);
  if (report.unreadable.length > 0) notes.push(NOT_READ);
  if (!report.ledgerNamesSystem)
    notes.push('The ledger of what was published names no system: it is taken for one of this one');
  if (report.brokers !== null)
    notes.push(
      `The ledger was written at the broker ${report.brokers.ledger}, and this is ${report.brokers.here}: what waits there is not seen, unless both are one broker`,
    );
  if (report.filedAgain > 0)
    notes.push(`Filed again on somebody's word: ${number(report.filedAgain)}`);
  if (report.copies > 0)
    notes.push(`Copies of records in the failure queue: ${number(report.copies)}, harmless`);
  const verdict = (report.holds ? paint.green : paint.red)(verdictOf(report));
  return [
    columns([...rows, ...verdicts]),
    ...(notes.length > 0 ? ['', ...notes] : []),
    '',
    verdict,
  ].join('\n');
}

const NOT_READ =
  'What runs bring that cannot be read is not in the sum, and what is lost may be among it. Give this command the keys that the workers have (ENCRYPTION_KEYS, or the key file), and run it again';

/** What was not read is no proof, neither for nor against. */
function verdictOf(report: Audited): string {
  if (report.holds) return 'The sum holds';
  const { filedTwice, settledTwice, stranded, unreadable } = report;
  const proven = filedTwice.length + settledTwice.length + stranded.length;
  const isOpen = unreadable.length > 0 && proven === 0;
  return isOpen ? 'The sum is not checked: not all runs can be read' : 'The sum does not hold';
}

const NAMES: Readonly<Record<(typeof FINDINGS)[number], string>> = {
  lost: 'lost',
  filedTwice: 'filed twice',
  settledTwice: 'settled twice',
  stranded: 'stranded',
  untraced: 'untraced',
  unexpected: 'unexpected',
  unreadable: 'runs not read',
};

/** Where failure records are that are not in their queue any more. */
function takenRows({ taken: { redriven, dropped, byOthers } }: AuditReport): string[][] {
  const gone = 'expired, purged or dropped by a limit of the queue among them';
  return [
    ...(dropped > 0 ? [['    dropped by "failures drop"', number(dropped)]] : []),
    ...(byOthers > 0
      ? [['    taken from the failure queue by others', number(byOthers), gone]]
      : []),
    ...(redriven > 0 ? [['  redriven', number(redriven), 'counted where they got to']] : []),
  ];
}

const inFlightText = ({ claimed, inRuns, waiting }: AuditReport['inFlight']): string =>
  [
    ...(claimed > 0 ? [`claimed ${number(claimed)}`] : []),
    ...(inRuns > 0 ? [`in runs that have not claimed yet ${number(inRuns)}`] : []),
    ...(waiting > 0 ? [`in queues ${number(waiting)}`] : []),
  ].join(', ');
