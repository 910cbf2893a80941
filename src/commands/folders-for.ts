import { FOLDERS_FILE, readFolders, type FoldersSetting } from '../config/folders.ts';
import { CommandError, EXIT } from './exit.ts';

export interface CollectOptions {
  folders?: string;
}

/** @throws CommandError where there is no file; ConfigError */
export function foldersFor({ folders }: CollectOptions): FoldersSetting {
  const setting = readFolders(folders);
  if (setting !== null) return setting;
  throw new CommandError(
    `There is no ${FOLDERS_FILE} here: write one, or name it (--folders <file>); see docs/how-to/collect-files.md`,
    EXIT.usage,
  );
}
