import { inHtml } from '../runtime/foreign-text.ts';
import { FINDINGS } from '../audit/run-audit.ts';
import type { Audited } from '../audit/run-audit.ts';
import { NAMES, verdictOf } from './audit-text.ts';
import { number } from './table.ts';
import type { Finding } from '../domain/audit/audit-account.ts';

/** More of one kind would make a page that no browser likes; `--json` has them all. */
const SHOWN = 1_000;

/** The report as one page that needs nothing else: no script, no font, no picture. `report` holds ids as they may be shown. */
export function auditHtml(report: Audited, at: Date): string {
  const { failed, inFlight } = report;
  const open = inFlight.claimed + inFlight.inRuns + inFlight.waiting;
  const rows: [string, number | null, string][] = [
    ['confirmed by the broker', report.confirmed, 'each message once, by id and body'],
    ['registered', report.registered, 'in MongoDB'],
    ...Object.entries(failed).map(([kind, count]): [string, number, string] => [
      kind,
      count,
      'delivered to the failure queue',
    ]),
    ['of the failures: dropped', report.taken.dropped, 'by "failures drop"'],
    [
      'of the failures: taken by others',
      report.taken.byOthers,
      'not in the failure queue any more: consumed, purged, expired, or dropped by a limit of the queue',
    ],
    ['redriven', report.taken.redriven, 'taken to go in again, and counted where they got to'],
    ['in doubt', report.inDoubt, 'may have been filed; a person decides'],
    ['in flight', open, 'claimed, in a run, or in a queue'],
    ['unroutable', report.unroutable, 'set aside in MongoDB'],
    ['malformed', report.malformed, 'no registrations; in the failure queue'],
  ];
  const verdict = verdictOf(report);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Audit: ${verdict.toLowerCase()}</title>
<style>
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 52rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #8884; vertical-align: top; overflow-wrap: anywhere; }
td.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.verdict { padding: .8rem 1rem; border-left: .4rem solid; font-size: 1.25rem; }
.holds { border-color: #2a9d4a; }
.fails { border-color: #d33; }
</style>
</head>
<body>
<h1>Audit</h1>
<p class="verdict ${report.holds ? 'holds' : 'fails'}">${verdict}</p>
<p>Read at <time datetime="${at.toISOString()}">${at.toISOString()}</time>${report.hasLegacyLedger ? '' : '; without a ledger of the legacy system, so nothing is said about filing twice'}.</p>
<h2>Where everything is</h2>
<table>
<tr><th>what</th><th>how many</th><th></th></tr>
${rows.map(([what, count, where]) => `<tr><td>${inHtml(what)}</td><td class="n">${count === null ? 'no ledger' : number(count)}</td><td>${inHtml(where)}</td></tr>`).join('\n')}
</table>
<h2>What must not be</h2>
${FINDINGS.map((kind) => section(NAMES[kind], report[kind], kind !== 'filedTwice' || report.hasLegacyLedger)).join('\n')}
</body>
</html>
`;
}

function section(name: string, findings: Finding[], isChecked: boolean): string {
  if (!isChecked) return `<p>${name}: not checked</p>`;
  if (findings.length === 0) return `<p>${name}: none</p>`;
  const shown = findings.slice(0, SHOWN);
  const more = findings.length - shown.length;
  return `<details open><summary>${name}: ${number(findings.length)}</summary>
<table>
${shown.map(({ id, what }) => `<tr><td>${inHtml(id)}</td><td>${inHtml(what)}</td></tr>`).join('\n')}
</table>
${more > 0 ? `<p>… and ${number(more)} more, in --json.</p>` : ''}
</details>`;
}
