import type { Command } from 'commander';
import { pauseIntake, resumeIntake } from '../operations/pause.ts';
import { withStore } from '../registrations/neighbours.ts';
import { addOperator, addSaid, saidIn, type SaidOptions } from './arguments.ts';
import { answer, load, tell } from './context.ts';
import { EXIT, CommandError } from './exit.ts';
import { line, when } from './table.ts';
import { examples } from './examples.ts';

export function addPause(program: Command): void {
  addOperator(program.command('pause'))
    .option('--worker <name>', 'only the tasks of this worker, or the files of this folder')
    .requiredOption('--reason <text>', 'why; shown wherever it is seen that nothing is taken')
    .addHelpText(
      'after',
      `
Messages that were taken are brought to their end; new ones wait at the broker. It holds for processes that are started later, too, and
nothing but "resume" undoes it: not the circuit breaker, and no restart. Without --worker it holds for registrations and for every
worker.
${examples(
  ['Everything', 'despachante pause --reason "the core is being updated until 14:00"'],
  ['One worker', 'despachante pause --worker EmailWorker --reason "the provider is down"'],
  ['One collected folder', 'despachante pause --worker invoices --reason "the ERP is closed"'],
)}`,
    )
    .action(pause);
}

export function addResume(program: Command): void {
  addSaid(program.command('resume'))
    .option('--worker <name>', 'of this worker or folder alone')
    .addHelpText(
      'after',
      `
Exit code 4 when nothing was paused in the same way: a pause of everything is no pause of a worker. An open circuit breaker, or a limit that is reached, still holds intake.
${examples(
  ['Everything', 'despachante resume'],
  ['One worker', 'despachante resume --worker EmailWorker'],
)}`,
    )
    .action(resume);
}

interface PauseOptions extends SaidOptions {
  worker?: string;
}

async function pause(word: PauseOptions & { reason: string }, command: Command): Promise<void> {
  const { reason, worker = null } = word;
  if (reason.trim() === '') throw new CommandError('Say why with --reason', EXIT.usage);
  const { config } = load(command);
  const { by } = saidIn(word);
  const { pause: said, isKnown } = await withStore(
    config,
    (store) => pauseIntake(store, { by, reason, worker }),
    'writer',
  );
  const at = said === null ? null : new Date(said.at);
  if (!isKnown && config.ops.enabled)
    tell(
      `No process has run a worker of the name ${line(worker ?? '')} within a day: the pause holds for one that is started`,
    );
  answer(
    command,
    { paused: true, worker, reason, by, at },
    () => {
      return `Paused: ${line(reason)} (${line(by)}, ${when(at)}). ${SEEN}`;
    },
    `despachante resume${worker === null ? '' : ` --worker ${line(worker)}`}`,
  );
}

async function resume(word: PauseOptions, command: Command): Promise<void> {
  const { worker = null } = word;
  const { config } = load(command);
  const { was, still } = await withStore(
    config,
    (store) => resumeIntake(store, { ...saidIn(word), worker }),
    'writer',
  );
  const everything = still === null ? '' : `. Everything is paused: ${line(still.reason)}`;
  const none =
    worker === null ? 'Nothing is paused' : `The worker ${line(worker)} is not paused by itself`;
  if (was === null) throw new CommandError(none + everything, EXIT.notFound);
  const { reason, by } = was;
  const at = new Date(was.at);
  answer(
    command,
    { paused: still !== null, worker, was: { reason, by, at } },
    () => {
      return `Resumed; it was: ${line(reason)} (${line(by)}, ${when(at)})${everything}. ${SEEN}`;
    },
    'despachante status',
  );
}

const SEEN = 'Processes see it within a second or two';
