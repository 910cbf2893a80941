/** The figures of the operations page: one entry for each demand, and their table in the docs. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';
import { machine, markdown, onWhich, withPart } from '../generated.ts';
import { round } from '../report.ts';
import { DOCUMENT } from '../tasks/figures.ts';

const result = z.strictObject({
  name: z.string(),
  title: z.string(),
  /** In `unit`: the median of the runs. */
  value: z.number(),
  runs: z.array(z.number()),
  unit: z.string(),
  /** It should be no more. */
  demand: z.number(),
  notes: z.string(),
  date: z.string(),
  machine: z.string(),
  command: z.string(),
});
export type PageResult = z.infer<typeof result>;

export interface Measured extends Pick<PageResult, 'name' | 'title' | 'unit' | 'demand'> {
  runs: readonly number[];
  notes: string;
}

export const RESULTS = 'bench/results/page.json';

/** Empty where there is no such file. */
export const readPageResults = (file = RESULTS): PageResult[] =>
  existsSync(file) ? z.array(result).parse(JSON.parse(readFileSync(file, 'utf8'))) : [];

/** In the place of an earlier one of the same name; and the table, where the docs have it. */
export function keepPageResult(file: string, { runs, ...of }: Measured): PageResult {
  const sorted = [...runs].sort((a, b) => a - b);
  const kept: PageResult = {
    ...{ ...of, value: round(sorted[Math.floor(sorted.length / 2)] ?? NaN), runs: runs.map(round) },
    ...{ date: new Date().toISOString(), machine: machine() },
    command: `npm run bench:page -- ${process.argv.slice(2).join(' ')}`.trim(),
  };
  const others = readPageResults(file).filter(({ name }) => name !== of.name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify([...others, kept], null, 2)}\n`);
  if (file === RESULTS)
    writeFileSync(DOCUMENT, pageDocument(readPageResults(), readFileSync(DOCUMENT, 'utf8')));
  return kept;
}

const whole = (value: number): string =>
  value.toLocaleString('en', { maximumFractionDigits: value < 10 ? 2 : 0 });

export const tableOf = (results: readonly PageResult[]): string =>
  markdown(
    ['what', 'measured', 'asked for', ''],
    results.map(({ title, value, unit, demand, notes }) => [
      ...[title, `${whole(value)} ${unit}`, `at most ${whole(demand)} ${unit}`, notes],
    ]),
  );

/** The document with the table of these results. */
export const pageDocument = (results: readonly PageResult[], document: string): string =>
  withPart(
    document,
    RESULTS,
    results.length === 0
      ? 'No figures of the current version are committed.'
      : `${tableOf(results)}\n\nMeasured ${onWhich(results)}.`,
  );
