/** All commands, and how a command line ends. */
import { Command, CommanderError } from 'commander';
import { ConfigError } from './config-faults.ts';
import { addAudit } from './commands/audit.ts';
import { addConfig } from './commands/config.ts';
import { CommandError, EXIT } from './commands/context.ts';
import { addDoctor } from './commands/doctor.ts';
import { addDoubts } from './commands/doubts.ts';
import { addFailures } from './commands/failures.ts';
import { addIntake } from './commands/intake.ts';
import { addPublish } from './commands/publish.ts';
import { addSimulate } from './commands/simulate.ts';
import { addStart } from './commands/start.ts';
import { addStatus } from './commands/status.ts';
import { addWorker } from './commands/worker.ts';

/** Where a command line writes its help, and what is wrong with it. */
export interface Output {
  writeOut: (text: string) => void;
  writeErr: (text: string) => void;
}

const standard: Output = {
  writeOut: (text) => void process.stdout.write(text),
  writeErr: (text) => void process.stderr.write(text),
};

function createProgram(output: Output): Command {
  const program = new Command('despachante')
    .configureOutput(output)
    .description(
      'Takes registrations from RabbitMQ, files each with a slow legacy system, and brings the outcome to MongoDB or the failure queue.',
    )
    .version('0.1.0')
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

  for (const add of [
    addStart,
    addIntake,
    addWorker,
    addSimulate,
    addPublish,
    addStatus,
    addFailures,
    addDoubts,
    addAudit,
    addConfig,
    addDoctor,
  ]) {
    add(program);
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
  try {
    await createProgram(output).parseAsync([...words], { from: 'user' });
    return typeof process.exitCode === 'number' ? process.exitCode : EXIT.ok;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    const message = error instanceof Error ? error.message : String(error);
    output.writeErr(`${message}\n`);
    if (error instanceof ConfigError) return EXIT.usage;
    return error instanceof CommandError ? error.exitCode : EXIT.failed;
  }
}
