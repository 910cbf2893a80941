/** The parts of docs/proof/benchmarks.md and of both READMEs that come from the results file: tables, charts and a sentence. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { svgOf } from './charts.ts';
import type { Chart, Mark, Panel } from './charts.ts';
import { CONTESTANTS, isContestant, type ContestantName } from './contestants.ts';
import { markdown, onWhich, withPart } from './generated.ts';
import type { CompareResult } from './results-file.ts';

export const DOCUMENT = 'docs/proof/benchmarks.md';

const SOURCE = 'bench/results/compare.json';

const order = Object.keys(CONTESTANTS).filter(isContestant);
const titleOf = (name: string) => (isContestant(name) ? CONTESTANTS[name].title : name);
const isOurs = (name: string) => isContestant(name) && CONTESTANTS[name].settings !== null;

const whole = (value: number) => Math.round(value).toLocaleString('en');
const seconds = (value: number) => `${value.toFixed(1)} s`;
const lag = (ms: number) => `${(ms / 1000).toFixed(2)} s`;

/** Files by path, with what should be in them. */
export function documentFiles(
  results: readonly CompareResult[],
  document: string,
): Map<string, string> {
  const undisturbed = results.filter(({ killAtSeconds }) => killAtSeconds === null);
  const killed = results.filter(({ killAtSeconds }) => killAtSeconds !== null);
  const part = [speedTable(undisturbed), killTable(killed), circumstances(results)].join('\n\n');
  return new Map([
    [DOCUMENT, withPart(document, SOURCE, part)],
    ...Object.entries(READMES).map(([file, sentences]): [string, string] => [
      file,
      withPart(readFileSync(file, 'utf8'), SOURCE, sentences(figuresOf(results))),
    ]),
    ['docs/images/compare-time.svg', svgOf(timeChart(undisturbed))],
    ['docs/images/compare-lag.svg', svgOf(lagChart(undisturbed))],
    ['docs/images/compare-kill.svg', svgOf(killChart(killed))],
  ]);
}

/** Writes them. */
export function writeDocument(results: readonly CompareResult[]): void {
  for (const [file, text] of documentFiles(results, readFileSync(DOCUMENT, 'utf8'))) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
}

const rank = ({ contestant }: CompareResult) =>
  isContestant(contestant) ? order.indexOf(contestant) : order.length;
const sorted = (results: readonly CompareResult[]) =>
  [...results].sort((a, b) => a.count - b.count || rank(a) - rank(b));

function speedTable(results: readonly CompareResult[]): string {
  const perThousand = (cpu: number, count: number) => ((cpu / count) * 1000).toFixed(2);
  return markdown(
    [
      'registrations',
      'contestant',
      'all settled after',
      '× floor',
      'lag p50',
      'p99',
      'GETs each',
      'CPU per 1,000: worker + servers',
      'peak memory',
    ],
    sorted(results).map((r) => [
      whole(r.count),
      titleOf(r.contestant),
      r.settled === r.count
        ? seconds(r.wallSeconds)
        : `${whole(r.settled)} of them, ${seconds(r.wallSeconds)}`,
      r.ratioToFloor.toFixed(2),
      lag(r.lagP50Ms),
      lag(r.lagP99Ms),
      r.getsPerRegistration.toFixed(1),
      `${perThousand(r.workerCpuSeconds ?? 0, r.count)} + ${perThousand(r.serverCpuSeconds, r.count)} s`,
      `${whole(r.peakRssMb ?? 0)} MB`,
    ]),
  );
}

function killTable(results: readonly CompareResult[]): string {
  return markdown(
    [
      'registrations',
      'killed at',
      'contestant',
      'lost',
      'filed twice',
      'in doubt',
      'the last settled after',
      'lag p99',
    ],
    sorted(results).map((r) => [
      whole(r.count),
      `${r.killAtSeconds ?? 0} s`,
      titleOf(r.contestant),
      whole(r.lost),
      whole(r.filedTwice),
      whole(r.inDoubt),
      r.settled === 0 ? 'none was' : seconds(r.wallSeconds),
      r.settled === 0 ? 'none' : lag(r.lagP99Ms),
    ]),
  );
}

const circumstances = (results: readonly CompareResult[]): string =>
  `Measured ${onWhich(results)}. The command of each line stands in the results file.`;

/** Counts that can be compared: of more than one contestant. */
const countsOf = (results: readonly CompareResult[]) =>
  [...new Set(results.map(({ count }) => count))]
    .filter((count) => results.filter((each) => each.count === count).length > 1)
    .sort((a, b) => a - b);
const rows = order.map((name) => ({ label: titleOf(name), isOurs: isOurs(name) }));

/** A mark for each contestant that has a result of that count. */
const marks = (
  results: readonly CompareResult[],
  count: number,
  markOf: (result: CompareResult) => Mark,
): Mark[] =>
  order.map((name) => {
    const found = results.find((each) => each.contestant === name && each.count === count);
    if (found !== undefined) return markOf(found);
    const fewer = results.find((each) => each.contestant === name && each.count < count);
    const text = fewer === undefined ? 'not measured' : `${markOf(fewer).text} for ${fewer.count}`;
    return { to: null, text };
  });

function timeChart(results: readonly CompareResult[]): Chart {
  return {
    title: 'Time to settle all (dashed: the slowest registration by itself)',
    rows,
    panels: countsOf(results).map((count) => ({
      title: `${whole(count)} registrations`,
      line: Math.max(...results.filter((r) => r.count === count).map((r) => r.floorSeconds)),
      marks: marks(results, count, (r) => ({
        to: r.wallSeconds,
        text: seconds(r.wallSeconds),
      })),
    })),
  };
}

function lagChart(results: readonly CompareResult[]): Chart {
  return {
    title: 'How late it is noticed that the legacy system is done, and what asking costs',
    rows,
    panels: countsOf(results).flatMap((count) => [
      {
        title: `${whole(count)}: lag p50, thin to p99`,
        line: null,
        marks: marks(results, count, (r) => ({
          to: r.lagP50Ms,
          on: r.lagP99Ms,
          text: `${(r.lagP50Ms / 1000).toFixed(2)}, ${lag(r.lagP99Ms)}`,
        })),
      },
      {
        title: `${whole(count)}: GETs each`,
        line: null,
        marks: marks(results, count, (r) => ({
          to: r.getsPerRegistration,
          text: r.getsPerRegistration.toFixed(1),
        })),
      },
    ]),
  };
}

/** The kill that most contestants were measured with: the same count, and the same moment. */
function mainKill(results: readonly CompareResult[]): { count: number; at: number } {
  const count = Math.max(0, ...countsOf(results));
  return { count, at: results.find((each) => each.count === count)?.killAtSeconds ?? 0 };
}

interface Figures {
  ours: string;
  theirs: string;
  oursTwice: string;
  theirsTwice: string;
}

/** Of us and BullMQ, at the count of the kill. @throws Error when one was not measured */
function figuresOf(results: readonly CompareResult[]): Figures {
  const killed = results.filter(({ killAtSeconds }) => killAtSeconds !== null);
  const { count, at } = mainKill(killed);
  const find = (contestant: ContestantName, killAtSeconds: number | null): CompareResult => {
    const found = results.find(
      (each) =>
        each.contestant === contestant &&
        each.count === count &&
        each.killAtSeconds === killAtSeconds,
    );
    if (found === undefined) throw new Error(`no result of ${contestant} with ${count}`);
    return found;
  };
  return {
    ours: find('ours', null).wallSeconds.toFixed(1),
    theirs: find('bullmq', null).wallSeconds.toFixed(1),
    oursTwice: whole(find('ours', at).filedTwice),
    theirsTwice: whole(find('bullmq', at).filedTwice),
  };
}

const READMES: Record<string, (figures: Figures) => string> = {
  'README.md': ({ ours, theirs, oursTwice, theirsTwice }) =>
    `BullMQ files ${theirsTwice} of them twice, Despachante ${oursTwice}. Undisturbed, BullMQ takes ${theirs} s and Despachante ${ours} s.`,
  'README.pt-BR.md': ({ ours, theirs, oursTwice, theirsTwice }) =>
    `O BullMQ cadastra ${theirsTwice} deles duas vezes; o Despachante, ${oursTwice}. Sem kill, o BullMQ leva ${comma(theirs)} s e o Despachante, ${comma(ours)} s.`,
};
const comma = (number: string): string => number.replace('.', ',');

function killChart(results: readonly CompareResult[]): Chart {
  const { count, at } = mainKill(results);
  const measured = order.filter((name) => results.some((each) => each.contestant === name));
  /** Bars are shares, since one contestant was killed with fewer. */
  const panel = (title: string, valueOf: (result: CompareResult) => number): Panel => ({
    title,
    line: null,
    marks: measured.map((name) => {
      const of = results.filter((each) => each.contestant === name);
      const result = of.find((each) => each.count === count && each.killAtSeconds === at) ?? of[0];
      if (result === undefined) return { to: null, text: 'not measured' };
      const value = whole(valueOf(result));
      const text = result.count === count ? value : `${value} of ${whole(result.count)}`;
      return { to: valueOf(result) / result.count, text };
    }),
  });
  return {
    title: `What a kill -9 costs: ${whole(count)} registrations, killed at ${at} s, started again 2 s later`,
    rows: measured.map((name) => ({ label: titleOf(name), isOurs: isOurs(name) })),
    panels: [
      panel('lost', (r) => r.lost),
      panel('filed twice', (r) => r.filedTwice),
      panel('in doubt', (r) => r.inDoubt),
    ],
  };
}
