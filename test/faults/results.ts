/** The figures of the fault suite, one entry for each scenario, and the table of docs/guarantees.md that is made of them. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { dirname } from 'node:path';
import { z } from 'zod';

export const RESULTS = 'bench/results/faults.json';
export const DOCUMENT = 'docs/guarantees.md';
const BEGIN = '<!-- from bench/results/faults.json: begin -->';
const END = '<!-- from bench/results/faults.json: end -->';

const result = z.strictObject({
  name: z.string(),
  fault: z.string(),
  /** How often the fault struck in this run. */
  times: z.number(),
  registrations: z.number(),
  lost: z.number(),
  filedTwice: z.number(),
  settledTwice: z.number(),
  inDoubt: z.number(),
  recoverySeconds: z.number().nullable(),
  note: z.string().optional(),
  seed: z.number(),
  command: z.string(),
  date: z.string(),
  machine: z.string(),
});

export type FaultResult = z.infer<typeof result>;

/** Empty when there is no such file. @throws ZodError when it is another one */
export function readResults(file: string): FaultResult[] {
  if (!existsSync(file)) return [];
  return z.array(result).parse(JSON.parse(readFileSync(file, 'utf8')));
}

/** Puts a scenario's result in the place of its earlier one; null takes it out, since the last word on it was a failure. */
export function keepResult(file: string, name: string, found: FaultResult | null): void {
  const others = readResults(file).filter((each) => each.name !== name);
  const all = found === null ? others : [...others, found];
  all.sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }));
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(all, null, 2)}\n`);
}

export const machine = (): string =>
  `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`;

/** The document with the table of these results. */
export function documentWith(results: readonly FaultResult[], document: string): string {
  const [before = '', rest = ''] = document.split(BEGIN);
  const after = rest.split(END)[1] ?? '';
  return `${before}${BEGIN}\n\n${table(results)}\n\n${circumstances(results)}\n\n${END}${after}`;
}

export function writeDocument(results: readonly FaultResult[]): void {
  writeFileSync(DOCUMENT, documentWith(results, readFileSync(DOCUMENT, 'utf8')));
}

const whole = (value: number): string => value.toLocaleString('en');

function table(results: readonly FaultResult[]): string {
  const head =
    'fault|scenario|times|registrations|lost|filed twice|settled twice|in doubt|recovered after|seed';
  const rows = results.map((each) => [
    each.note === undefined ? each.fault : `${each.fault} (${each.note})`,
    `\`${each.name}\``,
    whole(each.times),
    whole(each.registrations),
    whole(each.lost),
    whole(each.filedTwice),
    whole(each.settledTwice),
    whole(each.inDoubt),
    each.recoverySeconds === null ? '' : `${each.recoverySeconds.toFixed(1)} s`,
    String(each.seed),
  ]);
  const sums = ['**all**', '', ...SUMMED.map((of) => whole(sum(results, of))), '', ''];
  const cells = head.split('|');
  return [cells, cells.map(() => '---'), ...rows, sums]
    .map((row) => `| ${row.join(' | ')} |`)
    .join('\n');
}

const SUMMED = ['times', 'registrations', 'lost', 'filedTwice', 'settledTwice', 'inDoubt'] as const;

const sum = (results: readonly FaultResult[], of: (typeof SUMMED)[number]): number =>
  results.reduce((total, each) => total + each[of], 0);

function circumstances(results: readonly FaultResult[]): string {
  const machines = [...new Set(results.map((each) => each.machine))].join('; ');
  const days = [...new Set(results.map(({ date }) => date.slice(0, 10)))].sort().join(', ');
  return `${results.length} scenarios, run on ${days} on ${machines}. The command of each stands in the results file.`;
}
