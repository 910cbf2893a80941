import type { Command } from 'commander';
import { silent } from '../runtime/log.ts';
import { startSimulator } from '../simulator/simulator.ts';
import type { SimulatorStats } from '../simulator/statistics.ts';
import { PRESETS, type Preset } from '../domain/registrations/contract.ts';
import { durationRange, oneOf, share, timeOption, wholeNumber, type Range } from './arguments.ts';
import { announce, isJson, print, printJson, untilSignal } from './context.ts';
import { columns, number } from './table.ts';
import { examples } from './examples.ts';

interface SimulateOptions {
  host: string;
  port: number;
  corePort: number;
  seed: number;
  latency: Range;
  answerDelay: Range;
  refuse: number;
  fail: number;
  loseAnswer: number;
  neverFinish: number;
  error: number;
  errorStatus: number;
  throttle: number;
  retryAfter: number;
  ledger?: string;
  system?: string;
  idempotent?: boolean;
  preset: Preset;
}

export function addSimulate(program: Command): void {
  const port = wholeNumber(0, 65_535);
  const latency = { minMs: 10_000, maxMs: 20_000 };
  const answerDelay = { minMs: 20, maxMs: 60 };
  program
    .command('simulate')
    .option('--host <address>', 'where to listen', '127.0.0.1')
    .option('--port <n>', 'port of its HTTP layer (0: any free one)', port, 9997)
    .option('--core-port <n>', 'port of the core behind it (0: any free one)', port, 9998)
    .option('--seed <n>', 'the same seed and registrations meet the same fates', wholeNumber(0), 1)
    .addOption(range(program, '--latency <range>', 'from accepted to done', latency, '10s..20s'))
    .addOption(range(program, '--answer-delay <range>', 'of a POST', answerDelay, '20ms..60ms'))
    .option('--refuse <share>', 'answered 422 with a reason', share, 0)
    .option('--fail <share>', 'accepted, and failed in the end', share, 0)
    .option('--lose-answer <share>', 'accepted, and the connection cut before the answer', share, 0)
    .option('--never-finish <share>', 'accepted, and "processing" for ever', share, 0)
    .option('--error <share>', 'answered with --error-status, not accepted', share, 0)
    .option('--error-status <n>', 'the status of --error', wholeNumber(200, 599), 500)
    .option('--throttle <share>', 'answered 429 with Retry-After, not accepted', share, 0)
    .addOption(timeOption('--retry-after <time>', 'in Retry-After, in whole seconds', '1s'))
    .option('--ledger <file>', 'note requests and answers in a file, which restarts continue')
    .option('--system <id>', 'whom that file is kept for; that of another system is not continued')
    .option('--idempotent', 'recognize a repeated Idempotency-Key, and file it once')
    .addOption(presetOption(program).default('json-status'))
    .addHelpText(
      'after',
      `
With --json two lines are printed: where it listens, and its statistics at the end. Beside the legacy system's own paths
it answers GET /stats, GET /ledger and POST /control (bursts of errors, the core down and up).
${examples(
  [
    'Done after 10 to 20 s, some refused, some failed',
    'despachante simulate --latency 10s..20s --refuse 0.02 --fail 0.02 --ledger legacy.jsonl',
  ],
  ['A system that answers 202 with a Location', 'despachante simulate --preset location-202'],
  ['One answer in a hundred is lost', 'despachante simulate --lose-answer 0.01'],
)}`,
    )
    .action(simulate);
}

export const presetOption = (program: Command) =>
  program
    .createOption('--preset <preset>', `the kind of system that it is: ${PRESETS.join(', ')}`)
    .argParser(oneOf(PRESETS));

const range = (program: Command, flags: string, text: string, standard: Range, shown: string) =>
  program.createOption(flags, text).argParser(durationRange).default(standard, shown);

async function simulate(options: SimulateOptions, command: Command): Promise<void> {
  const stopped = untilSignal(silent);
  const { host, port, corePort, seed, latency, answerDelay, errorStatus, preset } = options;
  const simulator = await startSimulator({
    ...{ host, port, corePort, seed, latency, answerDelay, errorStatus, preset },
    ledgerFile: options.ledger ?? null,
    system: options.system ?? null,
    idempotent: options.idempotent === true,
    refuseShare: options.refuse,
    failShare: options.fail,
    loseAnswerShare: options.loseAnswer,
    neverFinishShare: options.neverFinish,
    errorShare: options.error,
    throttleShare: options.throttle,
    retryAfterSeconds: Math.ceil(options.retryAfter / 1000),
  });
  const { url, coreAddress } = simulator;
  const text = `The simulated legacy system listens at ${url}, its core at ${coreAddress}. Ctrl-C ends it.`;
  if (isJson(command)) printJson({ url, coreAddress, seed }, 0);
  else print(text);
  announce({ url });
  await stopped;
  const stats = simulator.stats();
  await simulator.close();
  if (isJson(command)) printJson(stats, 0);
  else print(table(stats));
}

const table = (stats: SimulatorStats): string =>
  columns([
    ['accepted', number(stats.accepted)],
    ['  done', number(stats.done)],
    ['  failed', number(stats.failed)],
    ['  in flight', number(stats.inFlight)],
    ['refused', number(stats.refused)],
    ['not accepted', number(stats.notAccepted)],
    ['answers lost', number(stats.answersLost)],
    ['filed twice', number(stats.filedTwice)],
    ['POSTs', number(stats.posts)],
    ['GETs', number(stats.gets)],
  ]);
