/** The figures of the bench of tasks: one entry for each case and contestant. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';
import { markdown, onWhich, withPart } from '../generated.ts';
import { CASES, OTHERS, isCase, type CaseName } from './cases.ts';

export const RESULTS = 'bench/results/tasks.json';
export const DOCUMENT = 'docs/proof/benchmarks.md';

/** `value` in the unit of the case; CPU for each task, ms. */
export interface Figures {
  value: number;
  p99Ms?: number;
  processMsEach: number;
  serverMsEach: number;
  peakRssMb: number;
}

const result = z.strictObject({
  case: z.string(),
  contestant: z.string(),
  /** The median of the runs. */
  value: z.number(),
  runs: z.array(z.number()),
  p99Ms: z.number().nullable(),
  processMsEach: z.number(),
  serverMsEach: z.number(),
  peakRssMb: z.number(),
  date: z.string(),
  machine: z.string(),
  command: z.string(),
});
export type TaskResult = z.infer<typeof result>;

/** Empty when there is no such file. @throws ZodError when it is another one */
export function readTaskResults(file = RESULTS): TaskResult[] {
  if (!existsSync(file)) return [];
  return z.array(result).parse(JSON.parse(readFileSync(file, 'utf8')));
}

/** In the place of an earlier one of the same case and contestant. */
export function keepTaskResult(file: string, added: TaskResult): void {
  const others = readTaskResults(file).filter(
    (each) => each.case !== added.case || each.contestant !== added.contestant,
  );
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify([...others, added], null, 2)}\n`);
}

/** Of the run in the middle. */
export function medianOf(runs: readonly Figures[]): Figures {
  const sorted = [...runs].sort((a, b) => a.value - b.value);
  const middle = sorted[Math.floor(sorted.length / 2)];
  if (middle === undefined) throw new Error('nothing was measured');
  return middle;
}

export const ORDER = ['ours', ...Object.keys(OTHERS)];
const TITLES: Record<string, string> = { ours: '**Despachante**', ...OTHERS };

/** The document with the table of these results. */
export const tasksDocument = (results: readonly TaskResult[], document: string): string =>
  withPart(
    document,
    RESULTS,
    results.length === 0
      ? 'No figures of the current version are committed.'
      : `${table(results)}\n\n${howOften(results)}, ${onWhich(results)}.`,
  );

/** How a table of them was measured. */
export function howOften(results: readonly { runs: readonly number[] }[]): string {
  const runs = Math.min(...results.map((each) => each.runs.length));
  return runs === 1 ? 'One run of each' : `The median of ${runs} runs of each`;
}

export const writeTasksDocument = (): void =>
  writeFileSync(DOCUMENT, tasksDocument(readTaskResults(), readFileSync(DOCUMENT, 'utf8')));

function table(results: readonly TaskResult[]): string {
  const head = [
    'what',
    'contestant',
    '',
    'asked for',
    'CPU each: processes + servers',
    'peak memory',
  ];
  const known = Object.keys(CASES).filter(isCase);
  const rows = known.flatMap((name) =>
    ORDER.flatMap((contestant) => {
      const found = results.find((each) => each.case === name && each.contestant === contestant);
      return found === undefined ? [] : [rowOf(name, found)];
    }),
  );
  return markdown(head, rows);
}

function rowOf(name: CaseName, each: TaskResult): string[] {
  const { title, unit, demand } = CASES[name];
  const isOurs = each.contestant === 'ours';
  const digits = unit === 'ms' && each.value < 10 ? 1 : 0;
  const whole = (value: number) => value.toLocaleString('en', { maximumFractionDigits: digits });
  const p99 = each.p99Ms === null ? '' : `, p99 ${whole(each.p99Ms)}`;
  return [
    isOurs ? title : '',
    TITLES[each.contestant] ?? each.contestant,
    `${whole(each.value)} ${unit}${p99}`,
    isOurs ? `${demand} ${unit}` : '',
    unit === 'tasks/s' || unit === '%'
      ? `${each.processMsEach.toFixed(2)} + ${each.serverMsEach.toFixed(2)} ms`
      : '',
    `${Math.round(each.peakRssMb).toLocaleString('en')} MB`,
  ];
}
