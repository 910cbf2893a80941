/**
 * The bench of tasks: what workers settle in a second, how late an idle one begins, what it takes of memory; ours, and beside it what one
 * would pick otherwise. On compiled code and the servers named by the environment: `npm run bench:tasks`.
 */
import { Command } from 'commander';
import { wholeNumber } from '../../src/commands/arguments.ts';
import { machine } from '../generated.ts';
import { round } from '../report.ts';
import { CASES, isCase, type Case, type CaseName, type Other } from './cases.ts';
import { RESULTS, keepTaskResult, medianOf, writeTasksDocument, type Figures } from './figures.ts';
import { other, programOf } from './others.ts';
import { ours } from './ours.ts';

interface Options {
  only?: string;
  contestants?: string;
  count?: number;
  runs: number;
  profile?: boolean;
  out: string;
  instance: string;
}

const program = new Command('bench:tasks')
  .description('settle tasks that wait, and measure it')
  .option('--only <cases>', `of: ${Object.keys(CASES).join(', ')}`)
  .option('--contestants <names>', 'of: ours, bullmq, celery')
  .option('--count <n>', 'tasks, instead of those of the case', wholeNumber(100, 1_000_000))
  .option('--runs <n>', 'of each; the one in the middle counts', wholeNumber(1, 99), 3)
  .option('--profile', 'have V8 sample our processes, and tell their time by package')
  .option(
    '--out <file>',
    `where figures are kept (those in ${RESULTS} are those of the docs)`,
    RESULTS,
  )
  .option('--instance <name>', 'whose servers, for their CPU time', 'bench-tasks')
  .action(bench);

const listOf = (text: string | undefined) => text?.split(',').map((each) => each.trim());

async function bench(options: Options): Promise<void> {
  const cases = listOf(options.only) ?? Object.keys(CASES);
  const contestants = listOf(options.contestants);
  for (const name of cases) {
    if (!isCase(name)) throw new Error(`There is no case ${name}: see --help`);
    const measured: Case = { ...CASES[name], ...(options.count ? { count: options.count } : {}) };
    for (const each of ['ours', ...measured.others] as const)
      if (contestants?.includes(each) !== false) await contest(name, measured, each, options);
  }
}

async function contest(
  name: CaseName,
  measured: Case,
  contestant: 'ours' | Other,
  options: Options,
) {
  const { runs, instance, out } = options;
  const once = await runnerOf(measured, contestant, options);
  const all: Figures[] = [];
  for (let n = 0; n < runs; n++) {
    const figures = await once();
    all.push(figures);
    tell(`${name} ${contestant}: ${JSON.stringify(rounded(figures))} (${instance})`);
  }
  const { p99Ms, ...figures } = rounded(medianOf(all));
  keepTaskResult(out, {
    ...{ case: name, contestant, ...figures, p99Ms: p99Ms ?? null },
    runs: all.map(({ value }) => round(value)),
    date: new Date().toISOString(),
    machine: machine(),
    command: `npm run bench:tasks -- ${process.argv.slice(2).join(' ')}`.trim(),
  });
  if (out === RESULTS) writeTasksDocument();
}

async function runnerOf(
  measured: Case,
  contestant: 'ours' | Other,
  { instance, profile }: Options,
) {
  if (contestant === 'ours')
    return () =>
      ours(measured, {
        instance,
        ...(profile === true ? { profile: (shares) => tell(JSON.stringify(shares, null, 2)) } : {}),
      });
  const theirs = await programOf(contestant);
  return () => other(theirs, measured, instance);
}

const rounded = ({ p99Ms, ...figures }: Figures): Figures => ({
  value: round(figures.value),
  processMsEach: round(figures.processMsEach),
  serverMsEach: round(figures.serverMsEach),
  peakRssMb: round(figures.peakRssMb),
  ...(p99Ms === undefined ? {} : { p99Ms: round(p99Ms) }),
});

const tell = (line: string): void => void process.stdout.write(`${line}\n`);

await program.parseAsync();
// A connection of a library that is still closing must not keep the bench.
process.exit();
