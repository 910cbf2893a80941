/** The fault suite: `npm run test:faults`. On compiled code and the servers named by the environment. */
import { randomInt } from 'node:crypto';
import { Command } from 'commander';
import { machine } from '../../bench/generated.ts';
import { wholeNumber } from '../../src/commands/arguments.ts';
import { untilSignal } from '../../src/commands/context.ts';
import { silent } from '../../src/runtime/log.ts';
import { DOCUMENT, RESULTS, keepResult, readResults, writeDocument } from './results.ts';
import type { FaultResult } from './results.ts';
import type { Scenario } from './scenario.ts';
import { SCENARIOS } from './scenarios.ts';
import type { SuiteOptions } from './suite-options.ts';
import { abandonAll, trial } from './world.ts';

interface RunOptions extends SuiteOptions {
  seed: number;
  only?: string;
  list?: true;
  count?: true;
  parallel: number;
  out: string;
}

let isInterrupted = false;

const program = new Command('test:faults')
  .description(
    'Does to a whole system what happens to systems, one fault at a time, and audits it afterwards: nothing lost, nothing filed or settled twice, in doubt at most what was on the wire.',
  )
  .option('--only <prefixes>', 'scenarios whose names begin so, e.g. crash/worker,pause')
  .option(
    '--seed <n>',
    'what is random is drawn from it (default: another each time; it is printed)',
    wholeNumber(0, 2 ** 31 - 1),
    randomInt(2 ** 31),
  )
  .option('--list', 'print names and faults, and run nothing')
  .option('--count', 'print how many there are, and run nothing')
  .option(
    '--parallel <n>',
    'scenarios at the same time; those with servers of their own run alone',
    wholeNumber(1, 16),
    3,
  )
  .option('--storm-seconds <n>', 'how long each kill storm rages', wholeNumber(10, 86_400), 300)
  .option('--storm-seeds <n>', 'how many kill storms', wholeNumber(1, 100), 3)
  .option('--storm-registrations <n>', 'published during each', wholeNumber(10, 1_000_000), 3_000)
  .option(
    '--minutes <n>',
    'how long the soak runs, which only "--only soak" starts',
    wholeNumber(1, 10_000),
    30,
  )
  .option('--rate <n>', 'registrations a second in the soak', wholeNumber(1, 10_000), 100)
  .option(
    '--out <file>',
    'where results are kept, by scenario: a later run replaces its own',
    RESULTS,
  )
  .addHelpText(
    'after',
    `
A scenario takes seconds, the kill storms minutes; the whole suite less than half an hour on two cores. One that fails does not stop
the others: its error is told, its earlier result is taken out, and the exit code is 1. Repeat it by the seed that was printed:

  npm run test:faults -- --only crash/worker-submit --seed 7
  npm run test:faults -- --only storm --storm-seconds 60 --storm-seeds 1

A run that writes to ${RESULTS} also writes the table of ${DOCUMENT}, which says what each area tries.`,
  )
  .action(main);

async function main(options: RunOptions): Promise<void> {
  const chosen = choose(SCENARIOS, options.only);
  if (options.count) return tell(String(chosen.length));
  if (options.list) {
    for (const { name, fault } of chosen) tell(`${name.padEnd(40)} ${fault}`);
    return;
  }
  if (chosen.length === 0)
    throw new Error(`No scenario begins with ${options.only ?? ''}: see --list`);
  tell(`${chosen.length} scenarios, seed ${options.seed}`);
  const failed: string[] = [];
  const waiting = chosen.filter(({ runsAlone }) => runsAlone !== true);
  const runNext = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      if (!(await runOne(next, options))) failed.push(next.name);
    }
  };
  await Promise.all(Array.from({ length: options.parallel }, runNext));
  for (const alone of chosen.filter(({ runsAlone }) => runsAlone === true)) {
    if (!(await runOne(alone, options))) failed.push(alone.name);
  }
  tell(
    `${chosen.length - failed.length} held, ${failed.length} failed${failed.map((name) => `\n  ${name}`).join('')}`,
  );
  if (failed.length > 0) process.exitCode = 1;
}

/** Whether it held. */
async function runOne(scenario: Scenario, options: RunOptions): Promise<boolean> {
  const { name, fault } = scenario;
  const { seed, out } = options;
  const begun = performance.now();
  const took = () => `${((performance.now() - begun) / 1_000).toFixed(1)} s`;
  try {
    const found = await trial(scenario, {
      seed,
      isQuick: false,
      options,
      tell: (line) => tell(`    ${name}: ${line}`),
    });
    const { times = 1, ...figures } = found;
    const command = `npm run test:faults -- --only ${name} --seed ${seed}${givenFor(name)}`;
    const date = new Date().toISOString();
    keep(out, name, {
      name,
      fault,
      times,
      ...figures,
      seed,
      command,
      date,
      machine: machine(),
    });
    const { registrations, inDoubt, recoverySeconds } = found;
    const recovered =
      recoverySeconds === null ? '' : `, recovered after ${recoverySeconds.toFixed(1)} s`;
    tell(
      `  ✔ ${name}  ${registrations} registrations, ${inDoubt} in doubt${recovered} (${took()})`,
    );
    return true;
  } catch (error) {
    if (isInterrupted) return false;
    keep(out, name, null);
    tell(`  ✖ ${name} (${took()}, seed ${seed})\n${story(error)}`);
    return false;
  }
}

/** After each, so that a suite which is interrupted leaves page and file in agreement. */
function keep(out: string, name: string, found: FaultResult | null): void {
  keepResult(out, name, found);
  if (out === RESULTS) writeDocument(readResults(RESULTS));
}

/** Options that say how much, by the area that has them. */
const HOW_MUCH: Record<string, string[]> = {
  storm: ['stormSeconds', 'stormSeeds', 'stormRegistrations'],
  soak: ['minutes', 'rate'],
};

/** Those that were given, as they were. */
function givenFor(name: string): string {
  const ours = HOW_MUCH[name.split('/')[0] ?? ''] ?? [];
  const given = program.options.filter((option) => {
    const attribute = option.attributeName();
    return ours.includes(attribute) && program.getOptionValueSource(attribute) === 'cli';
  });
  return given
    .map(
      (option) => ` ${option.long ?? ''} ${String(program.getOptionValue(option.attributeName()))}`,
    )
    .join('');
}

function choose(all: readonly Scenario[], only: string | undefined): Scenario[] {
  const prefixes = only?.split(',').map((each) => each.trim());
  return all.filter(({ name, isOnDemand }) =>
    prefixes === undefined
      ? isOnDemand !== true
      : prefixes.some((prefix) => name.startsWith(prefix)),
  );
}

function story(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : `\n  because: ${story(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}

/** Ctrl-C: what it has started would stay. What was found before stays in the results. */
async function interrupt(signal: NodeJS.Signals): Promise<void> {
  isInterrupted = true;
  tell('Interrupted: ending what was started for the scenarios under way …');
  await abandonAll();
  process.exit(signal === 'SIGINT' ? 130 : 143);
}

const tell = (line: string): void => void process.stdout.write(`${line}\n`);

// One Ctrl-C may arrive twice, by npm and by the terminal.
void untilSignal(silent).then(interrupt);
await program.parseAsync();
// What a trial that failed has left open must not keep the suite.
process.exit();
