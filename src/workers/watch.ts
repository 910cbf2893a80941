import { statSync, watch } from 'node:fs';
import { dirname } from 'node:path';

const CODE = /\.([cm]?[jt]s|json)$/;
const FOREIGN = /(^|[\\/])(node_modules|\.git)[\\/]/;
/** Editors write a file in several steps. */
const SETTLE_MS = 100;

/**
 * Tells of changes below these folders, files (and their neighbours) and globs: once for all that come together, and not again before
 * `changed` has ended.
 * @param changed gets the file that has changed last, as it is called in its folder
 */
export function watchFiles(paths: readonly string[], changed: (file: string) => Promise<void>) {
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  const watchers = [...new Set(paths.map(folderOf))].map((folder) =>
    watch(folder, { recursive: true }, (_event, file) => {
      if (file === null || !CODE.test(file) || FOREIGN.test(file)) return;
      clearTimeout(timer);
      timer = setTimeout(() => {
        running = running.then(() => changed(file));
      }, SETTLE_MS);
    }),
  );
  return {
    async close(): Promise<void> {
      clearTimeout(timer);
      for (const watcher of watchers) watcher.close();
      await running;
    },
  };
}

function folderOf(path: string): string {
  const bare = path.replace(/[*?{[].*$/, '');
  const stat = statSync(bare === '' ? '.' : bare, { throwIfNoEntry: false });
  return stat?.isDirectory() === true ? bare || '.' : dirname(bare);
}
