/** All commands, and how a command line ends. */
import { Command, CommanderError } from 'commander';
import { ConfigError } from './config/faults.ts';
import { CommandError, EXIT } from './commands/context.ts';
import { VERSION } from './domain/names.ts';
import { onScreen } from './runtime/foreign-text.ts';
import { maskText } from './runtime/mask.ts';

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

/** In the order of the help. Loaded when needed: the libraries of all of them together take a second. */
const COMMANDS: Readonly<Record<string, () => Promise<Add>>> = {
  start: async () => (await import('./commands/start.ts')).addStart,
  intake: async () => (await import('./commands/intake.ts')).addIntake,
  worker: async () => (await import('./commands/worker.ts')).addWorker,
  simulate: async () => (await import('./commands/simulate.ts')).addSimulate,
  publish: async () => (await import('./commands/publish.ts')).addPublish,
  status: async () => (await import('./commands/status.ts')).addStatus,
  pause: async () => (await import('./commands/pause.ts')).addPause,
  resume: async () => (await import('./commands/pause.ts')).addResume,
  limits: async () => (await import('./commands/limits.ts')).addLimits,
  collect: async () => (await import('./commands/collect.ts')).addCollect,
  failures: async () => (await import('./commands/failures.ts')).addFailures,
  tasks: async () => (await import('./commands/tasks.ts')).addTasks,
  kafka: async () => (await import('./commands/tasks.ts')).addKafka,
  etl: async () => (await import('./commands/etl.ts')).addEtl,
  redrive: async () => (await import('./commands/redrive.ts')).addRedrive,
  doubts: async () => (await import('./commands/doubts.ts')).addDoubts,
  sweep: async () => (await import('./commands/sweep.ts')).addSweep,
  actions: async () => (await import('./commands/actions.ts')).addActions,
  audit: async () => (await import('./commands/audit.ts')).addAudit,
  plan: async () => (await import('./commands/plan.ts')).addPlan,
  latency: async () => (await import('./commands/latency.ts')).addLatency,
  codec: async () => (await import('./commands/codec.ts')).addCodec,
  contract: async () => (await import('./commands/contract.ts')).addContract,
  config: async () => (await import('./commands/config.ts')).addConfig,
  doctor: async () => (await import('./commands/doctor.ts')).addDoctor,
};

/** Those whose names are among the words; all where none is, for the help and for suggestions. */
function commandsFor(words: readonly string[]): Promise<Add[]> {
  const all = Object.entries(COMMANDS);
  const named = all.filter(([name]) => words.includes(name));
  return Promise.all((named.length > 0 ? named : all).map(([, load]) => load()));
}

async function createProgram(words: readonly string[], output: Output): Promise<Command> {
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
    .option('--json', 'print JSON instead of text')
    .showHelpAfterError('(add --help for what is possible)')
    .showSuggestionAfterError()
    .configureHelp({ showGlobalOptions: true })
    .exitOverride()
    .addHelpText(
      'after',
      `
Exit codes: 0 well, 1 failed, 2 wrong usage or configuration, 3 found something that is not well, 4 no such thing

Addresses come from the environment: AMQP_URL, MONGODB_URI, TEMPORAL_ADDRESS, LEGACY_URL (see .env.example);
everything else from despachante.yaml (see despachante.example.yaml). "despachante config" shows what is in force.`,
    );

  for (const add of await commandsFor(words)) add(program);
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
  try {
    const program = await createProgram(words, output);
    await program.parseAsync([...words], { from: 'user' });
    return typeof process.exitCode === 'number' ? process.exitCode : EXIT.ok;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    const message = error instanceof Error ? error.message : String(error);
    // Of a configuration nothing secret is repeated in the first place; any other error may quote a neighbour.
    output.writeErr(`${error instanceof ConfigError ? message : maskText(message)}\n`);
    if (error instanceof ConfigError) return EXIT.usage;
    return error instanceof CommandError ? error.exitCode : EXIT.failed;
  }
}
