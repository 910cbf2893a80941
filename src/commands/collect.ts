import type { Command } from 'commander';
import { FOLDERS_FILE } from '../config/folders.ts';
import { collectStatus } from './collect-status.ts';
import { followFile } from './follow-file.ts';
import { foldersFor, type CollectOptions } from './folders-for.ts';
import { addService, type Process, type Service } from './service.ts';
import { examples } from './examples.ts';

const FOLDERS = ['--folders <file>', `the file of folders (${FOLDERS_FILE})`] as const;

export function addCollect(program: Command): void {
  const collect = program.command('collect');
  addService(collect.option(...FOLDERS), 'tasks', startFolders).addHelpText(
    'after',
    `
Folders are in ${FOLDERS_FILE}: see docs/how-to/collect-files.md. The file is read again while this runs: folders come and go without a restart, and a
file with a fault changes nothing. SIGTERM takes nothing more, lets open requests finish (worker.shutdownGrace), and leaves.
${examples(
  ['Send the files of the folders of folders.yaml', 'despachante collect'],
  ['How many files wait, and why', 'despachante collect status'],
  ['The files of one folder that could not be sent', 'despachante failures list --from invoices'],
)}`,
  );
  collect
    .command('status')
    .option(...FOLDERS)
    .description(
      'how many files of each folder wait, are sent, are tried again or have failed, and why',
    )
    .addHelpText(
      'after',
      examples(
        ['All folders', 'despachante collect status'],
        [
          'Those that nobody collects',
          "despachante collect status --json | jq '.[] | select(.isCollected | not)'",
        ],
      ),
    )
    .action(collectStatus);
}

async function startFolders(process: Process, command: Command): Promise<Service> {
  const options = command.opts<CollectOptions>();
  const setting = foldersFor(options);
  const { log } = process;
  const { startCollect } = await import('../door/start-collect.ts');
  const running = await process.unlessStopped(startCollect(process, setting));
  const file = options.folders ?? FOLDERS_FILE;
  const following = followFile(file, () => running.apply(foldersFor(options)), log);
  return {
    checks: () => running.checks(),
    details: () => ({ closedBy: running.closedBy() }),
    queues: () => running.queues(),
    facts: { folders: setting.folders.map(({ name, path }) => ({ name, path })) },
    ended: running.ended,
    async stop() {
      await following.close();
      await running.stop();
    },
  };
}
