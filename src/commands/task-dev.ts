import type { Command } from 'commander';
import { checkFiles } from '../handlers/check.ts';
import { watchFiles } from '../workers/watch.ts';
import type { Process, Service } from './service.ts';
import { addWorkers, startWorkers } from './task-run.ts';
import { foldersOf, type Folders } from './worker-choice.ts';
import { examples } from './examples.ts';

export function addTaskDev(command: Command): void {
  addWorkers(
    command.option('--watch <path...>', 'folders whose code workers use, besides their own'),
    start,
  )
    .description(
      'run workers while you write them: a changed file is in force with the next message',
    )
    .addHelpText(
      'after',
      `
All workers of the folder run, unless some are named. After a change handlers that run have 2 s to finish. Whatever cannot be loaded
is told with its line, and the code of before runs on.
${examples(
  ['All workers of the folder', 'despachante tasks dev'],
  ['One worker, and code that it uses', 'despachante tasks dev EmailWorker --watch src'],
)}`,
    );
}

async function start(process: Process, command: Command): Promise<Service> {
  const { config, forOthers, log } = process;
  const options = command.opts<Folders & { watch?: string[] }>();
  const { paths: given, folder } = foldersOf(options, config);
  const paths = given ?? [folder];
  const running = await startWorkers(process, command, command.args.length === 0);
  let rules: string | null = null;
  const look = async () => {
    const checked = await checkFiles(paths, forOthers);
    if (checked.ok) rules ??= checked.rules;
    return checked;
  };
  await look();

  async function changed(file: string): Promise<void> {
    const checked = await look();
    if (!checked.ok)
      return log.error(
        { runbook: 'start-warnings', file },
        `Handlers stay as they were before the change: ${checked.reason}`,
      );
    running.reload();
    if (checked.rules === rules)
      return log.info({ file }, `Handlers run anew: ${file} has changed`);
    log.warn(
      { runbook: 'start-warnings', file },
      `Handlers run anew: ${file} has changed. Sources, options, idFrom and keyFrom of workers, and new workers and hooks, wait for a restart`,
    );
  }

  const watching = watchFiles([...paths, ...(options.watch ?? [])], changed);
  return {
    ...running,
    async stop() {
      await watching.close();
      await running.stop();
    },
  };
}
