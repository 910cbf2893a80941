/**
 * What the operations page costs and how quick it is, in a real Chromium, on compiled code and servers of its own: `npm run bench:page`.
 * Each case fills its world by the product's own code.
 */
import { Command } from 'commander';
import { wholeNumber } from '../src/commands/arguments.ts';
import * as measure from './page/cases.ts';
import { keepPageResult, readPageResults, RESULTS, tableOf } from './page/figures.ts';
import { inWorld } from './page/world.ts';

const CASES = {
  watch: 'three pages during a run of 10,000: CPU of the page and of the servers',
  tabs: '20 tabs for ten minutes: memory and CPU of the page',
  night: '10,000 failures: opening the page, a search by id, and a redrive of all',
  groups: '1,000,000 failures in 10,000 groups: opening the page',
} as const;
type Case = keyof typeof CASES;
const isCase = (name: string): name is Case => Object.hasOwn(CASES, name);

interface Options {
  only?: string;
  count?: number;
  groups: number;
  minutes: number;
  runs: number;
  out: string;
  instance: string;
}

async function bench({ only, count: given, out, instance, ...options }: Options): Promise<void> {
  const keep = (
    [name, title]: [string, string],
    [demand, unit]: [number, string],
    figure: measure.Figure,
  ): void => {
    const kept = keepPageResult(out, { name, title, demand, unit, ...figure });
    process.stderr.write(`${name}: ${kept.value} ${unit}\n`);
  };
  const n = (count: number): string => count.toLocaleString('en');
  for (const name of only?.split(',') ?? Object.keys(CASES)) {
    if (!isCase(name)) throw new Error(`There is no case ${name}: see --help`);
    process.stderr.write(`${name}: ${CASES[name]}\n`);
    const size = { count: given ?? 10_000, tabs: 20, ...options };
    switch (name) {
      case 'watch': {
        const alone: measure.Spent[] = [];
        const watched: measure.Spent[] = [];
        for (let run = 0; run < size.runs; run += 1) {
          alone.push(await inWorld(instance, (world) => measure.flowThrough(world, size, 0)));
          watched.push(await inWorld(instance, (world) => measure.flowThrough(world, size, 3)));
        }
        const title = `three pages open while ${n(size.count)} registrations go through: CPU a minute`;
        keep([name, title], [2, 's'], measure.costOfWatching(alone, watched));
        break;
      }
      case 'tabs': {
        const few = { ...size, count: Math.min(size.count, 1_000) };
        const { memory, cpu } = await inWorld(instance, (world) => measure.manyTabs(world, few));
        keep(['tabs-memory', 'many tabs: most memory of the page’s process'], [150, 'MB'], memory);
        keep(['tabs-cpu', 'many tabs: CPU of the page’s process'], [5, '% of a core'], cpu);
        break;
      }
      case 'night':
        await inWorld(instance, async (world) => {
          await measure.failed(world, size.count);
          const page = await world.start('page');
          const of = `${n(size.count)} failures`;
          const open = await measure.opened(world, page, size);
          keep(['open', `${of}: opened until the failures are shown`], [1_000, 'ms'], open);
          const search = await measure.searched(world, page, size);
          keep(['search', `${of}: search by id until the timeline is shown`], [200, 'ms'], search);
          const redrive = await measure.redriven(world, page, size);
          keep(
            ['redrive', `${of}: redriven from the page until all are registered`],
            [120, 's'],
            redrive,
          );
        });
        break;
      case 'groups': {
        const all = { ...size, count: given ?? 1_000_000 };
        const title = `${n(all.count)} failures in ${n(all.groups)} groups: opened until they are shown`;
        const figure = await inWorld(instance, (world) => measure.grouped(world, all));
        keep([name, title], [1_000, 'ms'], figure);
        break;
      }
    }
  }
  process.stdout.write(`${tableOf(readPageResults(out))}\n`);
}

await new Command('bench:page')
  .option(
    '--only <cases>',
    `of: ${Object.entries(CASES)
      .map(([name, says]) => `${name} (${says})`)
      .join('; ')}`,
  )
  .option(
    '--count <n>',
    'registrations or failures, instead of those of the case',
    wholeNumber(1, 10_000_000),
  )
  .option('--groups <n>', 'of the case groups', wholeNumber(1, 1_000_000), 10_000)
  .option('--minutes <n>', 'of the case tabs', Number, 10)
  .option(
    '--runs <n>',
    'of watch, and openings; the one in the middle counts',
    wholeNumber(1, 99),
    3,
  )
  .option(
    '--out <file>',
    `where figures are kept (those in ${RESULTS} are those of the docs)`,
    RESULTS,
  )
  .option('--instance <name>', 'whose servers, for their CPU time', 'bench-page')
  .action(bench)
  .parseAsync();
process.exit();
