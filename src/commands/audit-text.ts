/** The report of an audit for people: the sum, the verdicts, some of the findings. */
import type { Config } from '../config/schema.ts';
import { FINDINGS, type Audited } from '../audit/run-audit.ts';
import type { AuditReport } from '../domain/audit/audit.ts';
import type { TaskAudit } from '../domain/audit/task-audit.ts';
import { labelOf } from '../intake/label.ts';
import { columns, firstOf, line, number, paint } from './table.ts';

type Kind = (typeof FINDINGS)[number];

/** Worth a look, and no reason for "does not hold". */
const HARMLESS: readonly Kind[0][] = ['untraced', 'unexpected'];

const SHOWN = 5;

export function auditText(report: Audited, config: Config): string {
  const notes = notesOf(report, config);
  const verdict = (report.holds ? paint.green : paint.red)(verdictOf(report));
  const rows = [...sumRows(report), ...FINDINGS.map((kind) => findingsRow(kind, report))];
  return [columns(rows), ...(notes.length > 0 ? ['', ...notes] : []), '', verdict].join('\n');
}

function sumRows(report: Audited): string[][] {
  const { confirmed, repeated, registered, failed, inDoubt, inFlight, setAside, malformed } =
    report;
  const failures = Object.entries(failed).map(([kind, count]) => `${kind} ${number(count)}`);
  const allFailed = Object.values(failed).reduce((sum, count) => sum + count, 0);
  const allInFlight = inFlight.claimed + inFlight.inRuns + inFlight.waiting;
  const claimed = registered + allFailed + inDoubt + allInFlight + setAside + report.lost.length;
  const again = repeated === 0 ? '' : `and ${number(repeated)} repeated, told by id and body`;
  return [
    confirmed === null
      ? ['claimed', number(claimed), 'no ledger of what was published: see --published']
      : ['confirmed', number(confirmed), again],
    ['  registered', number(registered)],
    ['  failed', number(allFailed), failures.join(', ')],
    ...takenRows(report),
    ['  in doubt', number(inDoubt)],
    ['  in flight', number(allInFlight), inFlightText(inFlight)],
    ...counted('  set aside', setAside, 'in MongoDB; "despachante status" tells of each'),
    ['malformed', number(malformed), 'deliveries that were no registrations, in the failure queue'],
  ];
}

/** Where failure records are that are not in their queue any more. */
const takenRows = ({ taken: { redriven, dropped, byOthers } }: AuditReport): string[][] => [
  ...counted('    dropped by "failures drop"', dropped),
  ...counted(
    '    taken from the failure queue by others',
    byOthers,
    'expired, purged or dropped by a limit of the queue among them',
  ),
  ...counted('  redriven', redriven, 'counted where they got to'),
];

const counted = (name: string, count: number, more = ''): string[][] =>
  count > 0 ? [[name, number(count), more]] : [];

const inFlightText = ({ claimed, inRuns, waiting }: AuditReport['inFlight']): string =>
  [
    ...(claimed > 0 ? [`claimed ${number(claimed)}`] : []),
    ...(inRuns > 0 ? [`in runs that have not claimed yet ${number(inRuns)}`] : []),
    ...(waiting > 0 ? [`in queues ${number(waiting)}`] : []),
  ].join(', ');

function findingsRow([kind, name]: Kind, report: Audited): string[] {
  if (kind === 'filedTwice' && !report.hasLegacyLedger)
    return [name, '?', 'not checked: no ledger of the legacy system'];
  const { length } = report[kind];
  const bad = HARMLESS.includes(kind) ? paint.yellow : paint.red;
  return [name, length === 0 ? paint.green('0') : bad(number(length))];
}

function notesOf(report: Audited, config: Config): string[] {
  const { brokers, filedAgain, copies } = report;
  const notes = FINDINGS.flatMap(([kind, name]) =>
    firstOf(
      report[kind],
      SHOWN,
      ({ id, what }) => `${name}: ${line(labelOf(id, config))}: ${line(what)}`,
    ),
  );
  if (report.unreadable.length > 0) notes.push(NOT_READ);
  if (!report.ledgerNamesSystem)
    notes.push('The ledger of what was published names no system: it is taken for one of this one');
  if (brokers !== null)
    notes.push(
      `The ledger was written at the broker ${brokers.ledger}, and this is ${brokers.here}: what waits there is not seen, unless both are one broker`,
    );
  if (filedAgain > 0) notes.push(`Filed again on somebody's word: ${number(filedAgain)}`);
  if (copies > 0) notes.push(`Copies of records in the failure queue: ${number(copies)}, harmless`);
  return notes;
}

const NOT_READ =
  'What runs bring that cannot be read is not in the sum, and what is lost may be among it. Give this command the keys that the workers have (ENCRYPTION_KEYS, or the key file), and run it again';

/** What was not read is no proof, neither for nor against. */
function verdictOf(report: Audited): string {
  if (report.holds) return 'The sum holds';
  const { filedTwice, settledTwice, stranded, unreadable } = report;
  const proven = filedTwice.length + settledTwice.length + stranded.length;
  return unreadable.length > 0 && proven === 0
    ? 'The sum is not checked: not all runs can be read'
    : 'The sum does not hold';
}

const LISTS = { lost: 'lost', doneTwice: 'done twice', stranded: 'stranded' } as const;

/** @param report with ids as they may be shown */
export function taskAuditText(report: TaskAudit): string {
  const { worker, published, tasks, waiting, holds } = report;
  const bad = (count: number) => (count === 0 ? '0' : paint.red(number(count)));
  const found = Object.entries(LISTS).map(([kind, name]) => ({
    name,
    ids: kind === 'lost' ? report.lost : kind === 'stranded' ? report.stranded : report.doneTwice,
  }));
  const rows = [
    [paint.bold(line(worker)), ''],
    ['published', published === null ? 'no ledger' : number(published)],
    ['tasks', number(tasks)],
    ['  done', number(report.done)],
    ['  dead', number(report.dead)],
    ['  dropped', number(report.dropped)],
    ['  open', number(report.open)],
    ['waiting', waiting === null ? 'unknown' : number(waiting)],
    ...found.map(({ name, ids }) => [name, bad(ids.length)]),
  ];
  const named = found.flatMap(({ name, ids }) =>
    firstOf(ids, SHOWN, (id) => `${name}: ${line(id)}`),
  );
  const verdict =
    published !== null && waiting === null
      ? 'The sum is not checked: no process has said within a day where the worker takes from'
      : holds
        ? paint.green('The sum holds')
        : paint.red('The sum does not hold');
  return [columns(rows), ...named, '', verdict].join('\n');
}
