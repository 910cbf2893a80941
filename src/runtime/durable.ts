/** Changes of files and folders that are still there after the machine has crashed. */
import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';

const waiting = new Map<string, Promise<void>>();
const running = new Map<string, Promise<void>>();

/** Resolves when everything that was changed in the folder before is on the disk: one fsync for all that was changed meanwhile. */
export async function synced(folder: string): Promise<void> {
  // One that runs already may have begun before the change.
  const next = waiting.get(folder);
  if (next !== undefined) return next;
  const mine = (running.get(folder) ?? Promise.resolve()).then(() => {
    waiting.delete(folder);
    const sync = syncOf(folder);
    const settled = sync.catch(() => {});
    running.set(folder, settled);
    void settled.then(() => {
      if (running.get(folder) === settled) running.delete(folder);
    });
    return sync;
  });
  waiting.set(folder, mine);
  return mine;
}

async function syncOf(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync().catch(unlessUnable);
  } finally {
    await handle.close();
  }
}

/** Some file systems, of shares and virtual machines, cannot sync folders. */
function unlessUnable(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EINVAL' && error.code !== 'ENOTSUP') throw error;
}

/** @param to is replaced */
export async function moveOver(from: string, to: string): Promise<void> {
  await rename(from, to);
  await synced(dirname(to));
}

/**
 * The content of a file at once, or none of it. Its folder is not synced.
 * @param next takes it first, on the same file system
 */
export async function writeWhole(
  path: string | Buffer,
  content: string,
  next: string,
): Promise<void> {
  await writeThrough(next, 'w', content);
  await rename(next, path);
}

/** Writes to the disk. @param flags `w` anew, `a` at the end */
export async function writeThrough(path: string, flags: 'w' | 'a', text: string): Promise<void> {
  const file = await open(path, flags);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}
