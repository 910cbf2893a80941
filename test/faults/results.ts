/** The figures of the fault suite, one entry for each scenario, and the table of docs/proof/faults.md that is made of them. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';
import { markdown, onWhich, withPart } from '../../bench/generated.ts';

export const RESULTS = 'bench/results/faults.json';
export const DOCUMENT = 'docs/proof/faults.md';

const result = z.strictObject({
  name: z.string(),
  fault: z.string(),
  /** How often the fault struck in this run. */
  times: z.number(),
  registrations: z.number(),
  lost: z.number(),
  filedTwice: z.number(),
  settledTwice: z.number(),
  /** Of tasks alone. */
  runAgain: z.number().optional(),
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

const isOfTasks = ({ name }: FaultResult): boolean => /^(tasks|files|etl)\//.test(name);

/** The document with the tables of these results. */
export function documentWith(results: readonly FaultResult[], document: string): string {
  const [tasks, others] = [results.filter(isOfTasks), results.filter((each) => !isOfTasks(each))];
  const part = (some: readonly FaultResult[], all: string) =>
    some.length === 0 ? 'None yet.' : `${all}\n\n${circumstances(some)}`;
  const first = withPart(document, RESULTS, part(others, table(others)));
  return withPart(first, `${RESULTS}, tasks`, part(tasks, taskTable(tasks)));
}

export function writeDocument(results: readonly FaultResult[]): void {
  writeFileSync(DOCUMENT, documentWith(results, readFileSync(DOCUMENT, 'utf8')));
}

const whole = (value: number): string => value.toLocaleString('en');

function table(results: readonly FaultResult[]): string {
  const head =
    'fault|scenario|times|registrations|lost|filed twice|settled twice|in doubt|recovered after|seed';
  return tableOf(results, head, [
    ...(['times', 'registrations', 'lost', 'filedTwice', 'settledTwice', 'inDoubt'] as const),
  ]);
}

function taskTable(results: readonly FaultResult[]): string {
  const head =
    'fault|scenario|times|tasks|lost|two ends|attempts that began again|recovered after|seed';
  return tableOf(results, head, ['times', 'registrations', 'lost', 'settledTwice', 'runAgain']);
}

type Counted =
  'times' | 'registrations' | 'lost' | 'filedTwice' | 'settledTwice' | 'inDoubt' | 'runAgain';

function tableOf(results: readonly FaultResult[], head: string, counted: Counted[]): string {
  const rows = results.map((each) => [
    each.note === undefined ? each.fault : `${each.fault} (${each.note})`,
    `\`${each.name}\``,
    ...counted.map((of) => whole(each[of] ?? 0)),
    each.recoverySeconds === null ? '' : `${each.recoverySeconds.toFixed(1)} s`,
    String(each.seed),
  ]);
  const sums = counted.map((of) => whole(sum(results, of)));
  return markdown(head.split('|'), [...rows, ['**all**', '', ...sums, '', '']]);
}

const sum = (results: readonly FaultResult[], of: Counted): number =>
  results.reduce((total, each) => total + (each[of] ?? 0), 0);

const circumstances = (results: readonly FaultResult[]): string =>
  `${results.length} scenarios, run ${onWhich(results)}. The command of each stands in the results file.`;
