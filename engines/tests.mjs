// Runs the compiled tests, several files side by side, and tells the slowest and the failed; for `npm run coverage` also the source that they reach.
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { root } from './paths.mjs';
import { duration } from './progress.mjs';
import { SHOWN } from './tally.mjs';
import { testFiles } from './setup.mjs';

/** By a part of their path: tests that carry hundreds at once, or start several brokers. Beside many others they are starved for longer than they wait. */
const CROWDS = [
  'e2e/redrive-bulk',
  'e2e/neighbours',
  'e2e/several',
  'e2e/etl',
  'kafka/cluster',
  'tasks/order',
];

/** Crowds first, a file for two cores. The others wait for half of their time: two files for each core, and eight at most. */
function roundsOf(files) {
  const cores = Math.min(availableParallelism(), 8);
  const isCrowd = (file) => CROWDS.some((part) => file.includes(part));
  const rounds = [
    { files: files.filter(isCrowd), atOnce: Math.ceil(cores / 2) },
    { files: files.filter((file) => !isCrowd(file)), atOnce: Math.min(2 * cores, 8) },
  ];
  return rounds.filter((round) => round.files.length > 0);
}

/** The slowest file takes three minutes. One that holds on to something never ends, and neither would the run. */
const FILE_MS = 15 * 60_000;

/**
 * Arguments that begin with a dash go to node, the others select test files by a part of their path.
 * @param runNode runs node with arguments and an environment, and resolves with `{code}`
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
  const counted = join(ctx.data, 'tally.json');
  mkdirSync(ctx.data, { recursive: true });
  const reporters = ['--test-reporter=spec', '--test-reporter-destination=stdout'];
  // To a file and not to stdout: two reporters on one stream have no order, and the count must be the last line.
  reporters.push('--test-reporter=./engines/tally.mjs', `--test-reporter-destination=${counted}`);
  const options = args.filter((arg) => arg.startsWith('-'));
  const counts = [];
  let code = 0;
  for (const { files: some, atOnce } of roundsOf(files)) {
    rmSync(counted, { force: true });
    const ended = await runNode(
      [
        '--test',
        `--test-concurrency=${atOnce}`,
        `--test-timeout=${FILE_MS}`,
        ...reporters,
        ...options,
        ...some,
      ],
      // Hundreds of processes load the same libraries.
      { NODE_COMPILE_CACHE: join(ctx.data, 'compiled'), ...env },
    );
    code ||= ended.code;
    counts.push(readCount(counted));
  }
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

function readCount(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return { passed: 0, failed: 0, skipped: 0, failures: [], slowest: [] }; // it ended before its reporter could write
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
