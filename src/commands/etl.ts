/** `despachante etl`: a list from a URL, each element of it validated and processed, into a file that is whole at every instant. */
import { dirname, join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { Option, type Command } from 'commander';
import type { Config } from '../config/schema.ts';
import { stepsOf } from '../domain/json-text.ts';
import type { Environment } from '../config/tree.ts';
import { shownAddress } from '../config/faults.ts';
import { isSendUrl } from '../config/http-handler.ts';
import { readQueues } from '../config/queues.ts';
import { why } from '../doctor/diagnosis.ts';
import { CannotFetch } from '../net/get.ts';
import { Locked } from '../etl/lock.ts';
import { EtlRefused } from '../etl/run/prepare.ts';
import type { EtlOptions, EtlSummary, Progress } from '../etl/run/options.ts';
import { readEtlSettings } from '../etl/settings.ts';
import { createLog } from '../runtime/create-log.ts';
import { armFailpoint } from '../runtime/failpoint.ts';
import { maskText } from '../runtime/mask.ts';
import { createMetrics } from '../runtime/metrics.ts';
import { wholeNumber } from './arguments.ts';
import { answer, load, tell, untilSignal } from './context.ts';
import { CommandError, EXIT, SIGNALLED } from './exit.ts';
import { addEtlList, addEtlShow } from './etl-list.ts';
import { addEtlSchedule, addEtlServe } from './etl-schedule.ts';
import { progressText, summaryText } from './etl-text.ts';
import { showProgress } from './progress.ts';
import { examples } from './examples.ts';
import { line } from './table.ts';

interface Given {
  output: string;
  errors?: string;
  items: string;
  maxBytes: number;
  maxItemBytes: number;
  strict?: boolean;
  seed?: number;
  process?: string;
  send?: string;
  to?: string;
  ifChanged?: boolean;
  fresh?: boolean;
  order?: string;
  queues?: string;
}

export function addEtl(program: Command): void {
  const etl = program
    .command('etl')
    .addHelpText(
      'after',
      examples(
        ['A list from a URL into output.json', 'despachante etl https://example.com/records.json'],
        ['The last runs', 'despachante etl list'],
      ),
    );
  addRun(etl.command('run', { isDefault: true }));
  addEtlList(etl.command('list'));
  addEtlShow(etl.command('show'));
  addEtlSchedule(etl.command('schedule'));
  addEtlServe(etl.command('serve'));
}

const GIB = 1024 ** 3;

function addRun(command: Command): void {
  command
    .description(
      'run it, or go on with a run that was stopped ("despachante etl" alone does so, too)',
    )
    .argument('[input]', 'http(s) address, file, or - for standard input (INPUT)')
    .option('--output <file>', 'takes the processed elements, as one list', 'output.json')
    .option('--errors <file>', 'takes the others (default: errors.ndjson beside the output)')
    .option('--items <pointer>', 'where the list is, such as /data/items (RFC 6901)', '')
    .option('--strict', 'a number is no text, and a text no number')
    .option('--process <file>', 'a module whose default export processes a resource')
    .option('--send <url>', 'send each resource to an HTTP endpoint (SEND_AUTHORIZATION)')
    .option(
      '--to <queue>',
      'publish to a queue, kafka:<topic>, or "registrations", instead of --output',
    )
    .option('--seed <n>', 'simulate the same as another run with this number', wholeNumber(0))
    .option('--if-changed', 'do nothing where the last run has had the same input')
    .option('--fresh', 'begin anew, and leave a run that is not finished')
    .addOption(
      new Option('--max-bytes <n>', 'of the input, as received and unpacked')
        .argParser(wholeNumber(1))
        .default(8 * GIB, '8 GiB'),
    )
    .addOption(
      new Option('--max-item-bytes <n>', 'of an element')
        .argParser(wholeNumber(1, 512 * 1024))
        .default(256 * 1024, '256 KiB'),
    )
    .addOption(new Option('--order <id>', 'by which a schedule runs it').hideHelp())
    .option('--queues <file>', 'the file of queues (queues.yaml, where it is there)')
    .addHelpText(
      'after',
      `
From the environment: INPUT, INPUT_AUTHORIZATION, WORKERS (10), MAX_ATTEMPTS (3 in all), and of the simulated process
PROCESSING_TIME and DELAY_TIME (at most, in seconds: 5) and FAILURE_RATE (percent: 25). Without --process it is SIMULATED.

Stopped or killed, it goes on when the same command is run again. Failed elements are in errors.ndjson, which is an input, too.

Exit codes: 0 all processed, 3 finished and some were not, 1 not possible, 2 wrong usage, 5 MongoDB or Temporal is away or the
output is taken (try again), 130 and 143 stopped
${examples(
  ['A list from a URL into output.json', 'despachante etl https://example.com/records.json'],
  [
    '25 at once, each tried twice',
    'WORKERS=25 MAX_ATTEMPTS=2 despachante etl https://example.com/records.json',
  ],
  [
    'The list is below /data/items, and your module processes each element',
    'despachante etl records.json --items /data/items --process ./process.ts',
  ],
  ['Once more for those that failed', 'despachante etl errors.ndjson --output second.json'],
)}`,
    )
    .action(run);
}

function optionsOf(input: string | undefined, given: Given, env: Environment): EtlOptions {
  const { settings, faults } = readEtlSettings(env);
  const from = input ?? settings.input;
  if (given.items !== '' && !given.items.startsWith('/'))
    faults.push(`--items: expected a pointer such as /data, got ${JSON.stringify(given.items)}`);
  if (from === null) faults.push('INPUT: expected an address, a file or -, and it is not given');
  if (given.send !== undefined && !isSendUrl(given.send))
    faults.push(
      `--send: expected an http or https URL, with credentials in SEND_AUTHORIZATION instead, got ${shownAddress(given.send)}`,
    );
  if (given.send !== undefined && given.process !== undefined)
    faults.push('--send: expected it without --process: a resource is processed in one way');
  if (faults.length > 0 || from === null) throw new CommandError(faults.join('\n'), EXIT.usage);
  const { output, errors = join(dirname(output), 'errors.ndjson') } = given;
  return {
    ...{ input: from, settings, output, errors },
    shape: { way: stepsOf(given.items), mostItemBytes: given.maxItemBytes },
    ...{ mostBytes: given.maxBytes, strict: given.strict === true, seed: given.seed ?? null },
    ...{
      process: given.process ?? null,
      send: given.send ?? null,
      to: given.to ?? null,
      fresh: given.fresh === true,
    },
    ifChanged: given.ifChanged === true,
    order: given.order ?? null,
  };
}

async function run(input: string | undefined, given: Given, command: Command): Promise<void> {
  // Little is held, and V8 would let several times as much that is done with lie about: so it collects when that is a third.
  setFlagsFromString('--heap-growing-percent=30');
  const { config, forOthers: env } = load(command);
  const options = optionsOf(input, given, env);
  const log = createLog('etl', {
    ...config.log,
    level: config.log.level === 'info' ? 'warn' : config.log.level,
  });
  armFailpoint(config.failpoint, log);
  const stop = new AbortController();
  let signal: NodeJS.Signals | null = null;
  void untilSignal(log).then((heard) => {
    signal = heard;
    stop.abort(new Error(`stopped by ${heard}`));
  });
  let latest: Progress | null = null;
  const shown = showProgress(({ seconds }) => progressText(latest, seconds));
  const watch = {
    progress: (at: Progress) => void (latest = at),
    tell,
  };
  const { runEtl } = await import('../etl/run/run.ts');
  const { connectReady } = await import('../temporal/ready.ts');
  const connect = () => connectReady(config, log);
  try {
    const summary = await runEtl(options, {
      ...{ config, queues: readQueues(given.queues), env, connect, metrics: createMetrics() },
      ...{ log, watch, signal: stop.signal },
    });
    shown.end();
    if (summary === null) {
      const { shown: inputShown } = await import('../etl/run/summary.ts');
      const facts = { unchanged: true, input: inputShown(options.input) };
      answer(command, facts, () => 'The input is that of the last run: nothing was done');
      return;
    }
    const audit = await auditOf(summary, config);
    answer(command, { ...summary, ...audit.facts }, () =>
      [summaryText(summary), ...audit.lines].join('\n'),
    );
    process.exitCode = audit.holds ? exitOf(summary, signal) : EXIT.found;
  } catch (error) {
    shown.end();
    throw stop.signal.aborted ? stopped(signal) : asTold(error);
  }
}

/** What was published to the main job: the sum as it is now, whose runs take their time. */
async function auditOf(summary: EtlSummary, config: Config) {
  if (summary.to !== 'registrations' || summary.ledger === null || !summary.finished)
    return { holds: true, facts: {}, lines: [] };
  const { runAudit, shownReport } = await import('../audit/run-audit.ts');
  const { auditText } = await import('./audit-text.ts');
  const options = { published: summary.ledger, legacyLedger: false } as const;
  // The run is done: it must not look as if it had to be begun again.
  const report = await runAudit(options, config).catch((error: unknown) => {
    const later = `despachante audit --published ${line(options.published)}`;
    tell(`The audit could not be done: ${maskText(why(error))}. Do it later: ${later}`);
    return null;
  });
  if (report === null) return { holds: false, facts: { audit: null }, lines: [] };
  const facts = { audit: shownReport(report, config) };
  return { holds: report.holds, facts, lines: ['', auditText(report, config)] };
}

const stopped = (signal: NodeJS.Signals | null): CommandError =>
  new CommandError(
    `Stopped by ${signal ?? 'a signal'}: run the same command again to go on with it`,
    SIGNALLED[signal ?? 'SIGTERM'] ?? EXIT.failed,
  );

function exitOf(summary: EtlSummary, signal: NodeJS.Signals | null): number {
  if (!summary.finished) return SIGNALLED[signal ?? 'SIGTERM'] ?? EXIT.failed;
  return summary.processed === summary.items ? EXIT.ok : EXIT.found;
}

function asTold(error: unknown): unknown {
  if (error instanceof CannotFetch)
    return new CommandError(`The input cannot be had: ${error.message}`);
  if (error instanceof EtlRefused) return new CommandError(error.message, EXIT.usage);
  if (error instanceof Locked)
    return new CommandError(
      `The output is taken: ${error.message}. Wait for it, or name another --output`,
      EXIT.unavailable,
    );
  return error;
}
