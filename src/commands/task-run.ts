import type { Command } from 'commander';
import { readQueues } from '../config/queues.ts';
import { wholeNumber } from './arguments.ts';
import { addService, type Process, type Service } from './service.ts';
import { chosen, foldersOf, told, type Folders } from './worker-choice.ts';
import { examples } from './examples.ts';

interface RunOptions extends Folders {
  all?: boolean;
  concurrency?: number;
}

export function addTaskRun(command: Command): void {
  addWorkers(command.option('--all', 'every worker of the folder'), (process, command) =>
    startWorkers(process, command, command.opts<RunOptions>().all === true),
  )
    .description('run workers: take their messages, call their handlers, publish the results')
    .addHelpText(
      'after',
      `
Workers are what files of the folder export: defineWorker({...}), see docs/how-to/write-a-worker.md. Run as many processes as you like.
SIGTERM takes nothing more, lets handlers finish (worker.shutdownGrace), and leaves. Another process goes on with interrupted calls.
${examples(
  ['One worker, eight handler calls at once', 'despachante tasks run EmailWorker --concurrency 8'],
  ['All of a folder', 'despachante tasks run --all --workers src/workers'],
  ['All that can be loaded', 'despachante tasks run --all --skip-broken'],
)}`,
    );
}

/** The options of commands that run workers. */
export const addWorkers = (
  command: Command,
  start: (process: Process, command: Command) => Promise<Service>,
): Command =>
  addService(
    command
      .argument('[workers...]', 'names of workers')
      .option('--workers <path...>', 'folders, files or globs of workers (tasks.folder)')
      .option('--skip-broken', 'leave out files that cannot be loaded')
      .option('--queues <file>', 'the file of queues (queues.yaml, where it is there)')
      .option('--concurrency <n>', 'handler calls at once, for each worker', wholeNumber(1, 1_000)),
    'tasks',
    start,
  );

export async function startWorkers(
  process: Process,
  command: Command,
  areAll: boolean,
): Promise<Service & { reload(): void }> {
  const options = command.opts<RunOptions>();
  const found = await chosen(command.args, areAll, foldersOf(options, process.config));
  const queues = readQueues(options.queues);
  const concurrency = options.concurrency ?? null;
  const { startChosen } = await import('../door/start-chosen.ts');
  const running = await process.unlessStopped(
    told(() => startChosen(process, { found, areAll, queues, concurrency })),
  );
  return {
    checks: () => running.checks(),
    details: () => ({ closedBy: running.closedBy() }),
    queues: () => running.queues(),
    facts: { workers: found.map(({ worker }) => worker.name) },
    ended: running.ended,
    stop: () => running.stop(),
    reload: () => running.reload(),
  };
}
