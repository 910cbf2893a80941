// Runs the compiled tests, several files side by side, and tells the slowest and the failed; for `npm run coverage` also the source that they reach.
import { closeSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { root } from './paths.mjs';
import { duration } from './progress.mjs';
import { SHOWN } from './tally.mjs';
import { testFiles } from './setup.mjs';

/** By a part of their path: tests that carry hundreds at once, or start several brokers. Beside many others they are starved for longer than they wait. */
const CROWDS = [
  'e2e/etl',
  'e2e/redrive-bulk',
  'e2e/neighbours',
  'tasks/order',
  'e2e/several',
  'kafka/cluster',
];

/** The others that take longest. They begin first: one that begins last would run alone at the end. */
const LONG = [
  'test/faults.test',
  'e2e/start',
  'commands/failures-bulk',
  'tasks/flow',
  'e2e/encryption',
  'e2e/legacy',
  'commands/audit',
  'commands/failures.test',
  'e2e/tls',
  'browser/story',
  'commands/failures-compare',
  'commands/worker-operations',
];

/** Runs all of them: for two cores one crowd and three other files, which wait for most of their time, and in the end six files. */
async function runSideBySide(files, runFile) {
  const pairs = Math.ceil(Math.min(availableParallelism(), 8) / 2);
  const order = [...CROWDS, ...LONG];
  const placeOf = (file) => {
    const at = order.findIndex((part) => file.includes(part));
    return at < 0 ? order.length : at;
  };
  const sorted = files.toSorted((one, other) => placeOf(one) - placeOf(other));
  const crowds = sorted.filter((file) => placeOf(file) < CROWDS.length);
  const others = sorted.filter((file) => placeOf(file) >= CROWDS.length);
  const lane = async (waiting) => {
    while (waiting.length > 0) await runFile(waiting.shift());
  };
  const three = () => Promise.all([lane(others), lane(others), lane(others)]);
  const pair = () => Promise.all([three(), lane(crowds).then(three)]);
  await Promise.all(Array.from({ length: pairs }, pair));
}

/** The slowest file takes two minutes. One that holds on to something never ends, and neither would the run. */
const FILE_MS = 15 * 60_000;

const NOTHING = { passed: 0, failed: 0, skipped: 0, failures: [], slowest: [] };
/** What a reporter says at the end of each file. The run has one sum. */
const SUMS = /^ℹ (tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) [\d.]+\n/gm;

/**
 * Arguments that begin with a dash go to node, the others select test files by a part of their path. Each file is a process, whose
 * output is shown as a whole.
 * @param runNode runs node with arguments, an environment and options of `spawn`, and resolves with `{code}`
 * @returns `{code, summary}`; the summary is the sum, in one line
 */
export async function runTests(ctx, runNode, args, env) {
  const parts = args.filter((arg) => !arg.startsWith('-'));
  const files = testFiles()
    .map((file) => relative(root, file))
    .filter((file) => parts.length === 0 || parts.some((part) => file.includes(part)));
  if (files.length === 0) {
    process.stderr.write(`no test file matches ${parts.join(', ') || 'dist/test/**/*.test.js'}\n`);
    return { code: 1, summary: '0 passed, 0 failed' };
  }
  const options = args.filter((arg) => arg.startsWith('-'));
  const counts = [];
  let code = 0;
  await runSideBySide(files, async (file) => {
    const ended = await runFile(ctx, runNode, file, options, env);
    code ||= ended.code;
    counts.push(ended.count);
  });
  const [passed, failed, skipped] = ['passed', 'failed', 'skipped'].map((kind) =>
    counts.reduce((sum, count) => sum + count[kind], 0),
  );
  tellSlowest(counts.flatMap(({ slowest }) => slowest));
  tellFailed(counts.flatMap(({ failures }) => failures));
  const ran = passed + failed > 0;
  return {
    code: code === 0 && (failed > 0 || !ran) ? 1 : code,
    summary: `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`,
  };
}

async function runFile(ctx, runNode, file, options, env) {
  const printed = join(ctx.data, 'tests', `${file}.log`);
  const counted = `${printed}.json`;
  mkdirSync(dirname(printed), { recursive: true });
  rmSync(counted, { force: true });
  const output = openSync(printed, 'w');
  const begun = Date.now();
  // By its whole address: a file that goes into another folder would not find it any more.
  const tally = new URL('./tally.mjs', import.meta.url).href;
  const reporters = [
    ...['--test-reporter=spec', '--test-reporter-destination=stdout'],
    ...[`--test-reporter=${tally}`, `--test-reporter-destination=${counted}`],
  ];
  const { code } = await runNode(
    [...reporters, ...options, file],
    // Hundreds of processes load the same libraries.
    { NODE_COMPILE_CACHE: join(ctx.data, 'compiled'), ...env },
    { stdio: ['ignore', output, output], timeout: FILE_MS, killSignal: 'SIGKILL' },
  );
  closeSync(output);
  const text = readFileSync(printed, 'utf8').replaceAll(SUMS, '');
  if (text !== '') process.stdout.write(`\n${file} (${duration(Date.now() - begun)})\n${text}`);
  const count = readCount(counted);
  if (code === 0 || code === INTERRUPTED || count.failed > 0) return { code, count };
  // It ended before its tests began, or in spite of them.
  const why = `it ended with code ${code}: its output is in ${printed}`;
  const failures = [{ name: 'the whole file', file, why }];
  return { code, count: { ...count, failed: 1, failures } };
}

const INTERRUPTED = 130;

function readCount(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return NOTHING; // it ended before its reporter could write
  }
}

function tellSlowest(some) {
  if (some.length === 0) return;
  const slowest = some.sort((one, other) => other.ms - one.ms).slice(0, SHOWN);
  const lines = slowest.map(
    ({ name, file, ms }) => `${duration(ms).padStart(8)}  ${name} (${relative(root, file ?? '')})`,
  );
  process.stdout.write(`\nThe slowest:\n${lines.join('\n')}\n`);
}

/** The heading is what `.ci/run` looks for, down to the next empty line. */
function tellFailed(failures) {
  if (failures.length === 0) return;
  const lines = failures.map(
    ({ name, file, why }) => `  ${name} (${relative(root, file ?? '')})\n      ${why}`,
  );
  process.stdout.write(`\nFailed:\n${lines.join('\n')}\n`);
}

/** The short cut of the suite for a second broker: what queues, redeliveries and dead letters matter to. */
const brokerTests = [
  ...['e2e/outcomes', 'e2e/crashes', 'e2e/queues', 'e2e/redrive.test', 'e2e/malformed'],
  ...['broker/rabbitmq/queues', 'broker/rabbitmq/message'],
];

export function runOtherBrokerTests(ctx, runNode, args, env) {
  const chosen = args.some((arg) => !arg.startsWith('-'));
  return runTests(ctx, runNode, chosen ? args : [...brokerTests, ...args], env);
}

/** The tests as above, and then what they reach of the product: a table, and pages to look at in `coverage`. */
export async function runCoverage(ctx, runNode, args, env) {
  const raw = join(ctx.data, 'coverage');
  rmSync(raw, { recursive: true, force: true });
  // Each process that ends by itself writes what it has run, and so do its children. One that is killed cannot.
  // What comes out of a cache of compiled code is counted less exactly.
  const counting = { NODE_V8_COVERAGE: raw, NODE_DISABLE_COMPILE_CACHE: '1' };
  const result = await runTests(ctx, runNode, args, { ...env, ...counting });
  const report = ['report', `--temp-directory=${raw}`, '--reporter=text', '--reporter=html'];
  // One after the other: all at once they do not fit into memory.
  report.push('--merge-async', '--exclude-after-remap');
  const product = ['src', 'workflows', 'activities'];
  report.push(...product.map((folder) => `--include=${folder}/**/*.ts`));
  const { code } = await runNode([join('node_modules', 'c8', 'bin', 'c8.js'), ...report], env);
  rmSync(raw, { recursive: true, force: true });
  if (code === 0) process.stdout.write('\nThe same to look at: coverage/index.html\n');
  return { ...result, code: result.code || code };
}
