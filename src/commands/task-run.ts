import type { Command } from 'commander';
import { installRuntime } from '../worker.ts';
import { wholeNumber } from './arguments.ts';
import { addService, type Process, type Service } from './service.ts';
import { startChosen } from './task-service.ts';
import { chosen, foldersOf, type Folders } from './worker-choice.ts';

interface RunOptions extends Folders {
  all?: boolean;
  concurrency?: number;
}

export function addTaskRun(command: Command): void {
  addService(
    command
      .argument('[workers...]', 'names of workers')
      .option('--all', 'every worker of the folder')
      .option('--workers <path...>', 'folders, files or globs of workers (tasks.folder)')
      .option('--skip-broken', 'leave out files that cannot be loaded')
      .option('--queues <file>', 'the file of queues (queues.yaml, where it is there)')
      .option('--concurrency <n>', 'handler calls at once, for each worker', wholeNumber(1, 1_000)),
    'tasks',
    start,
    installRuntime,
  )
    .description('run workers: take their messages, call their handlers, publish what they return')
    .addHelpText(
      'after',
      `
Workers are what files of the folder export: defineWorker({...}), see docs/workers.md. Run as many processes as you like.
SIGTERM takes nothing more, lets handlers finish (worker.shutdownGrace), and leaves; what is interrupted goes on elsewhere.

Example: despachante tasks run EmailWorker --concurrency 8
         despachante tasks run --all --workers src/workers`,
    );
}

async function start(process: Process, command: Command): Promise<Service> {
  const options = command.opts<RunOptions>();
  const areAll = options.all === true;
  const found = await chosen(command.args, areAll, foldersOf(options, process.config));
  const running = await startChosen(process, {
    found,
    areAll,
    queuesFile: options.queues,
    concurrency: options.concurrency ?? null,
  });
  return {
    checks: () => running.checks(),
    details: () => ({ closedBy: running.closedBy() }),
    queues: () => running.queues(),
    facts: { workers: found.map(({ worker }) => worker.name) },
    ended: running.ended,
    stop: () => running.stop(),
  };
}
