/** The figures of the benches that send: their results files, and their tables in the docs. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';
import { LeftOut } from '../contestants.ts';
import { machine, markdown, onWhich, withPart } from '../generated.ts';
import { round } from '../report.ts';
import { howOften, medianOf, DOCUMENT, type Figures } from '../tasks/figures.ts';
import type { Spent } from './receiving.ts';

const result = z.strictObject({
  case: z.string(),
  title: z.string(),
  contestant: z.string(),
  /** The median of the runs, in `unit`. */
  value: z.number(),
  unit: z.string(),
  runs: z.array(z.number()),
  cpuMsEach: z.number(),
  peakRssMb: z.number(),
  /** What else there is to tell. */
  notes: z.string(),
  date: z.string(),
  machine: z.string(),
  command: z.string(),
});
export type SendResult = z.infer<typeof result>;
export type Sent = Figures & { notes?: string };

export const FILES = 'bench/results/files.json';
export const WEBHOOK = 'bench/results/webhook.json';
export const ETL = 'bench/results/etl.json';
/** Those that the docs show. */
export const SHOWN = [FILES, WEBHOOK, ETL];

export const figuresOf = (value: number, spent: Spent, items: number): Figures => ({
  value,
  processMsEach: (1_000 * spent.cpuSeconds) / items,
  serverMsEach: 0,
  peakRssMb: spent.peakMb,
});

/** Empty where there is no such file. */
export const readSendResults = (file: string): SendResult[] =>
  existsSync(file) ? z.array(result).parse(JSON.parse(readFileSync(file, 'utf8'))) : [];

/** The run in the middle, in the place of an earlier one of the same case and contestant; and the table, where the docs have it. */
function keep(
  file: string,
  of: Pick<SendResult, 'case' | 'title' | 'contestant' | 'unit'> & { script: string },
  runs: readonly Sent[],
): void {
  const { script, ...what } = of;
  const middle: Sent = medianOf(runs);
  const others = readSendResults(file).filter(
    (each) => each.case !== of.case || each.contestant !== of.contestant,
  );
  const kept: SendResult = {
    ...what,
    ...{ value: round(middle.value), runs: runs.map(({ value }) => round(value)) },
    ...{ cpuMsEach: round(middle.processMsEach), peakRssMb: round(middle.peakRssMb) },
    notes: middle.notes ?? '',
    ...{ date: new Date().toISOString(), machine: machine() },
    command: `npm run ${script} -- ${process.argv.slice(2).join(' ')}`.trim(),
  };
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify([...others, kept], null, 2)}\n`);
  if (SHOWN.includes(file))
    writeFileSync(
      DOCUMENT,
      sendDocument(file, readSendResults(file), readFileSync(DOCUMENT, 'utf8')),
    );
}

/** What the benches that send are asked for alike. */
export interface Asked {
  contestants?: string;
  /** Of each; the one in the middle counts. */
  runs: number;
  out: string;
}

/** Has each contestant that is asked for do it so many times, and keeps its figures. One that cannot be had is left out, and told. */
export async function contest<W extends string>(
  all: readonly W[],
  { contestants, runs, out }: Asked,
  of: Omit<Parameters<typeof keep>[1], 'contestant'>,
  once: (who: W) => Promise<Sent>,
): Promise<void> {
  for (const who of all) {
    if (contestants?.split(',').includes(who) === false) continue;
    const sent: Sent[] = [];
    try {
      for (let n = 0; n < runs; n += 1) sent.push(await once(who));
    } catch (error) {
      if (!(error instanceof LeftOut)) throw error;
      process.stdout.write(`${of.case} ${who} is left out: ${error.message}\n`);
      continue;
    }
    process.stdout.write(`${of.case} ${who}: ${JSON.stringify(sent)}\n`);
    keep(out, { ...of, contestant: who }, sent);
  }
}

const whole = (value: number): string =>
  value.toLocaleString('en', { maximumFractionDigits: value < 10 ? 1 : 0 });

/** The document with the table of these results. */
export function sendDocument(
  file: string,
  results: readonly SendResult[],
  document: string,
): string {
  if (results.length === 0)
    return withPart(document, file, 'No figures of the current version are committed.');
  const rows = results.map((each) => {
    const ours = results.find((one) => one.case === each.case && one.contestant === 'Despachante');
    const ratio =
      ours === undefined || ours === each ? '' : `× ${(ours.value / each.value).toFixed(2)}`;
    return [
      ...[each.title, each.contestant, `${whole(each.value)} ${each.unit}`, ratio],
      ...[`${each.cpuMsEach.toFixed(2)} ms`, `${whole(each.peakRssMb)} MB`, each.notes],
    ];
  });
  const head = ['what', 'who', '', 'ours is', 'CPU each', 'peak memory', ''];
  return withPart(
    document,
    file,
    `${markdown(head, rows)}\n\n${howOften(results)}, ${onWhich(results)}.`,
  );
}
