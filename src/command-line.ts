/** All commands, and how a command line ends. */
import { Command, CommanderError } from 'commander';
import { ConfigError } from './config/faults.ts';
import { CommandError, EXIT, errorJson } from './commands/exit.ts';
import { useColours } from './commands/table.ts';
import { VERSION } from './domain/names.ts';
import { onScreen } from './runtime/foreign-text.ts';
import { maskText } from './runtime/mask.ts';
import { isAway } from './net/away.ts';

/** Where a command line writes its help, and what is wrong with it. */
export interface Output {
  writeOut: (text: string) => void;
  writeErr: (text: string) => void;
}

const standard: Output = {
  writeOut: (text) => void process.stdout.write(text),
  writeErr: (text) => void process.stderr.write(onScreen(text, process.stderr.isTTY)),
};

type Add = (program: Command) => void;
type Entry = readonly [name: string, says: string, load: () => Promise<Add>];

/**
 * In the order of the help, by groups. Each is loaded when it is asked for: the libraries of all of them together take a second.
 */
const COMMANDS: Readonly<Record<string, readonly Entry[]>> = {
  'Try it': [
    [
      'start',
      'run everything here: simulator, worker, intake, and sample registrations',
      async () => (await import('./commands/start.ts')).addStart,
    ],
    [
      'simulate',
      'be the slow legacy system, to try Despachante against',
      async () => (await import('./commands/simulate.ts')).addSimulate,
    ],
    [
      'publish',
      'publish registrations to the intake queue, each confirmed by the broker',
      async () => (await import('./commands/publish.ts')).addPublish,
    ],
    [
      'contract',
      'how the answers of the legacy system are read, by the section "legacy"',
      async () => (await import('./commands/contract.ts')).addContract,
    ],
    [
      'plan',
      'the processes, memory and requests that a rate of registrations needs',
      async () => (await import('./commands/plan.ts')).addPlan,
    ],
  ],
  'Run it': [
    [
      'intake',
      'take deliveries from RabbitMQ and start a run for each batch',
      async () => (await import('./commands/intake.ts')).addIntake,
    ],
    [
      'worker',
      'run workflows and activities: claim, submit, poll, settle',
      async () => (await import('./commands/worker.ts')).addWorker,
    ],
    [
      'tasks',
      'run workers, list them, make their queues and topics, send to them, and read results',
      async () => (await import('./commands/tasks.ts')).addTasks,
    ],
    [
      'kafka',
      '"kafka worker" is another word for "tasks run"',
      async () => (await import('./commands/tasks.ts')).addKafka,
    ],
    [
      'collect',
      'send the files of folders to HTTP endpoints, and move them afterwards',
      async () => (await import('./commands/collect.ts')).addCollect,
    ],
    [
      'etl',
      'fetch a list from a URL, validate and process each element, and write the result',
      async () => (await import('./commands/etl.ts')).addEtl,
    ],
    [
      'codec',
      'decrypt messages for Temporal Web and its CLI, for those who are allowed',
      async () => (await import('./commands/codec.ts')).addCodec,
    ],
  ],
  'Watch it': [
    [
      'page',
      'the operations page: how it is, why it does not move, what failed, and decisions that wait',
      async () => (await import('./commands/page.ts')).addPage,
    ],
    [
      'status',
      'how many are where; with an id, the whole story of a registration',
      async () => (await import('./commands/status.ts')).addStatus,
    ],
    [
      'latency',
      'how long the legacy system has taken so far, and the plan of polls',
      async () => (await import('./commands/latency.ts')).addLatency,
    ],
    [
      'actions',
      'the actions of operators: who, on which, why, with the result; the latest first',
      async () => (await import('./commands/actions.ts')).addActions,
    ],
  ],
  'Act on it': [
    [
      'failures',
      'list failed registrations or tasks, have them done again, or drop them',
      async () => (await import('./commands/failures.ts')).addFailures,
    ],
    [
      'redrive',
      'how a redrive goes, and stopping it; "failures redrive" begins one',
      async () => (await import('./commands/redrive.ts')).addRedrive,
    ],
    [
      'doubts',
      'registrations whose POST was never answered, and how you decide them',
      async () => (await import('./commands/doubts.ts')).addDoubts,
    ],
    [
      'pause',
      'take nothing from queues and topics until "resume"',
      async () => (await import('./commands/pause.ts')).addPause,
    ],
    ['resume', 'take back a pause', async () => (await import('./commands/pause.ts')).addResume],
    [
      'limits',
      'the limits for the legacy system across all workers; changes them at once',
      async () => (await import('./commands/limits.ts')).addLimits,
    ],
    [
      'forget',
      'remove what is known of one registration or task, also from the notes of operators',
      async () => (await import('./commands/forget.ts')).addForget,
    ],
    [
      'sweep',
      'take up the registrations of dead runs: terminated, failed, or gone from Temporal',
      async () => (await import('./commands/sweep.ts')).addSweep,
    ],
  ],
  'Check it': [
    [
      'doctor',
      'is every server there and as it should be? If not, how to mend it',
      async () => (await import('./commands/doctor.ts')).addDoctor,
    ],
    [
      'audit',
      'prove the sum: confirmed = registered + failed + in doubt + in flight, each once',
      async () => (await import('./commands/audit.ts')).addAudit,
    ],
    [
      'config',
      'the configuration in force, and where each value comes from; secrets are masked',
      async () => (await import('./commands/config.ts')).addConfig,
    ],
    [
      'help',
      'help for a command, or a topic: environment, exit-codes, settings, messages',
      async () => (await import('./commands/help.ts')).addHelp,
    ],
    [
      'completion',
      'a script that completes commands and options in bash, zsh or fish',
      async () =>
        (await import('./commands/completion.ts')).addCompletion(() =>
          createProgram(COMMAND_NAMES),
        ),
    ],
  ],
};

export const COMMAND_NAMES: readonly string[] = Object.values(COMMANDS).flatMap((some) =>
  some.map(([name]) => name),
);

/** @param words commands among them are there with all that they have, the others for the help and for suggestions */
export async function createProgram(
  words: readonly string[],
  output: Output = standard,
): Promise<Command> {
  const program = new Command('despachante')
    .configureOutput(output)
    .description(
      'Takes registrations from RabbitMQ, files each with a slow legacy system, and brings the outcome to MongoDB or the failure queue.',
    )
    .version(VERSION)
    .option(
      '-c, --config <file>',
      'configuration file (default: despachante.yaml, if there is one)',
    )
    .option('--json', 'print JSON instead of text; errors, too')
    .option('--color', 'colours, also where the output is no terminal')
    .option('--no-color', 'no colours; NO_COLOR in the environment does the same')
    .showHelpAfterError('(--help has all options)')
    .showSuggestionAfterError()
    .configureHelp({ showGlobalOptions: true })
    .helpCommand(false)
    .exitOverride()
    .addHelpText(
      'after',
      `
Addresses come from the environment or a file .env: AMQP_URL, MONGODB_URI, TEMPORAL_ADDRESS, LEGACY_URL. Everything else
comes from despachante.yaml. "despachante config" shows what is in force.

First steps:
  # Everything on this machine, with 1,000 samples
  npm start
  # Is everything there that your own system needs?
  despachante doctor

More: despachante help environment|exit-codes|settings|messages`,
    );
  for (const [group, entries] of Object.entries(COMMANDS))
    for (const [name, says, load] of entries) {
      if (words.includes(name)) (await load())(program);
      else program.command(name);
      program.commands
        .find((command) => command.name() === name)
        ?.description(says)
        .helpGroup(`${group}:`);
    }
  return program;
}

/**
 * Runs one command line, whose first word is the command; returns the exit code. What a command finds it prints to
 * stdout itself.
 */
export async function runCommandLine(
  words: readonly string[],
  output: Output = standard,
): Promise<number> {
  const isJson = words.includes('--json');
  if (words.includes('--no-color')) useColours(false);
  else if (words.includes('--color')) useColours(true);
  try {
    // With --json the error is printed below, once.
    const quiet = isJson ? { ...output, writeErr: () => {} } : output;
    const program = await createProgram(words, quiet);
    await program.parseAsync([...words], { from: 'user' });
    return typeof process.exitCode === 'number' ? process.exitCode : EXIT.ok;
  } catch (error) {
    const code = exitCodeOf(error);
    const text = error instanceof Error ? error.message : String(error);
    // Of a configuration nothing secret is repeated in the first place; any other error may quote a neighbour.
    const message = error instanceof ConfigError ? text : maskText(text);
    if (isJson && code !== EXIT.ok) output.writeErr(`${errorJson(message, code)}\n`);
    else if (!(error instanceof CommanderError)) output.writeErr(`${message}\n`);
    return code;
  }
}

function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (error instanceof ConfigError) return EXIT.usage;
  if (error instanceof CommandError) return error.exitCode;
  return isAway(error) ? EXIT.unavailable : EXIT.failed;
}
