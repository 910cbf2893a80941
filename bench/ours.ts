/** The table of our own runs in docs/proof/benchmarks.md comes from their results files. */
import { readFileSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { markdown, withPart } from './generated.ts';
import { sumOf } from './report.ts';

const FOLDER = 'bench/results';

const result = z.object({
  count: z.number(),
  wallSeconds: z.number(),
  readySeconds: z.number(),
  ratioToFloor: z.number(),
  lagP50Ms: z.number(),
  lagP99Ms: z.number(),
  getsPerRegistration: z.number(),
  workerCpuSeconds: z.number(),
  serverCpuSecondsBy: z.record(z.string(), z.number()),
  intakeCpuSeconds: z.number(),
  workerBaseRssMb: z.number(),
  peakRssMb: z.number(),
  intakePeakRssMb: z.number(),
  lost: z.number(),
  duplicates: z.number(),
  command: z.string(),
});
type Result = z.infer<typeof result>;

const RUNS: Record<string, string> = {
  latest: '10,000 at once',
  'burst-30000': '30,000 at once',
  'burst-50000': '50,000 at once',
  'rate-300': '300 a second for 5 min',
};

/** Each document with its tables as they should be. @throws Error when a document has no place for its table */
export function oursFiles(): Map<string, string> {
  return new Map([replaced('docs/proof/benchmarks.md', runsTable())]);
}

/** Whether documents speak of what is written there. */
export const isKept = (file: string): boolean =>
  Object.keys(RUNS).some((name) => file === `${FOLDER}/${name}.json`);

/** Writes them. */
export function writeOurs(): void {
  for (const [file, text] of oursFiles()) writeFileSync(file, text);
}

const read = (name: string): Result =>
  result.parse(JSON.parse(readFileSync(`${FOLDER}/${name}.json`, 'utf8')));

const replaced = (file: string, table: string): [string, string] => [
  file,
  withPart(readFileSync(file, 'utf8'), 'our results in bench/results', table),
];

const tenth = (value: number): string => value.toFixed(1);
const whole = (value: number): string => Math.round(value).toString();

function runsTable(): string {
  const head = [
    '',
    'settled after',
    '× floor',
    'lag p50',
    'p99',
    'GETs each',
    'CPU each: worker, servers, intake',
    "worker's memory: before → peak",
    'lost, filed twice',
    '`npm run bench --`',
  ];
  const rows = Object.entries(RUNS).map(([name, title]) => {
    const run = read(name);
    const cpu = run.workerCpuSeconds + sumOf(run.serverCpuSecondsBy) + run.intakeCpuSeconds;
    return [
      title,
      `${tenth(run.wallSeconds)} s`,
      name.startsWith('rate') ? '' : run.ratioToFloor.toFixed(2),
      `${tenth(run.lagP50Ms / 1000)} s`,
      `${tenth(run.lagP99Ms / 1000)} s`,
      tenth(run.getsPerRegistration),
      `${tenth((cpu / run.count) * 1000)} ms`,
      `${whole(run.workerBaseRssMb)} → ${whole(run.peakRssMb)} MB`,
      `${run.lost}, ${run.duplicates}`,
      `[${run.command.replace('npm run bench -- ', '')}](../../${FOLDER}/${name}.json)`,
    ];
  });
  return markdown(head, rows);
}
