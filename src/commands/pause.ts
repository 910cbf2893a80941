import type { Command } from 'commander';
import { pauseIntake, resumeIntake } from '../operations/pause.ts';
import { withStore } from '../registrations/neighbours.ts';
import { addOperator, addSaid, saidIn, type SaidOptions } from './arguments.ts';
import { EXIT, CommandError, answer, load } from './context.ts';
import { line, when } from './table.ts';

export function addPause(program: Command): void {
  addOperator(program.command('pause'))
    .description('have every intake take nothing until somebody says "resume"')
    .requiredOption('--reason <text>', 'why; shown wherever it is seen that nothing is taken')
    .addHelpText(
      'after',
      `
What was taken is brought to its end; what comes waits in RabbitMQ. It holds for intakes that are started later, too, and
nothing but "resume" undoes it: not the circuit breaker, and no restart.

Example: despachante pause --reason "the core is being updated until 14:00"`,
    )
    .action(pause);
}

export function addResume(program: Command): void {
  addSaid(program.command('resume'))
    .description('take back what "pause" said')
    .addHelpText(
      'after',
      `
Exit code 4 when nothing was paused. An open circuit breaker, or a limit that is reached, still holds intake.

Example: despachante resume`,
    )
    .action(resume);
}

async function pause(word: SaidOptions & { reason: string }, command: Command): Promise<void> {
  const { reason } = word;
  if (reason.trim() === '') throw new CommandError('Say why with --reason', EXIT.usage);
  const { config } = load(command);
  const { by } = saidIn(word);
  const said = await withStore(config, (store) => pauseIntake(store, { by, reason }), 'writer');
  const at = said === null ? null : new Date(said.at);
  answer(command, { paused: true, reason, by, at }, () => {
    return `Paused: ${line(reason)} (${line(by)}, ${when(at)}). ${SEEN}`;
  });
}

async function resume(word: SaidOptions, command: Command): Promise<void> {
  const { config } = load(command);
  const before = await withStore(config, (store) => resumeIntake(store, saidIn(word)), 'writer');
  if (before === null) throw new CommandError('Nothing is paused', EXIT.notFound);
  const { reason, by } = before;
  const at = new Date(before.at);
  answer(command, { paused: false, was: { reason, by, at } }, () => {
    return `Resumed; it was: ${line(reason)} (${line(by)}, ${when(at)}). ${SEEN}`;
  });
}

const SEEN = 'Intakes see it within a second or two';
