/** Changes of folders that are still there after the machine has crashed: one fsync for all that were made meanwhile. */
import { open } from 'node:fs/promises';

const waiting = new Map<string, Promise<void>>();

/** Resolves when everything that was changed in the folder before is on the disk. */
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

const running = new Map<string, Promise<void>>();

async function syncOf(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
