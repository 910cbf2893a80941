import { statSync } from 'node:fs';
import type { Command } from 'commander';
import { ConfigError } from '../config/faults.ts';
import { FOLDERS_FILE } from '../config/folders.ts';
import { every } from '../runtime/every.ts';
import { collectStatus } from './collect-status.ts';
import { CommandError } from './exit.ts';
import { foldersFor, type CollectOptions } from './folders-for.ts';
import { addService, type Process, type Service } from './service.ts';
import { examples } from './examples.ts';

const RELOAD_MS = 1_000;
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
  let seen = versionOf(file);
  const reload = async (): Promise<void> => {
    const now = versionOf(file);
    if (now === seen) return;
    seen = now;
    try {
      await running.apply(foldersFor(options));
    } catch (error) {
      if (!(error instanceof ConfigError || error instanceof CommandError)) throw error;
      log.error(
        { runbook: 'files-stay', faults: error.message },
        `${file} has faults: the folders stay as they were`,
      );
    }
  };
  const reloading = every(RELOAD_MS, reload, log, {
    runbook: 'files-stay',
    failed: `${file} was changed, and not all of it could be done`,
    again: `${file} is followed again`,
  });
  return {
    checks: () => running.checks(),
    details: () => ({ closedBy: running.closedBy() }),
    queues: () => running.queues(),
    facts: { folders: setting.folders.map(({ name, path }) => ({ name, path })) },
    ended: running.ended,
    async stop() {
      await reloading.close();
      await running.stop();
    },
  };
}

/** Changes with each edit, also of an editor that writes a new file. */
function versionOf(file: string): string {
  try {
    const { mtimeMs, ino, size } = statSync(file);
    return `${mtimeMs} ${ino} ${size}`;
  } catch {
    return 'away';
  }
}
