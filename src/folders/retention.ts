/** Removes what was sent so long ago that nobody asks for it: only files with names of ours, in folders of days. */
import { readdir, rm, rmdir } from 'node:fs/promises';
import { isKept, pathIn } from './names.ts';
import { codeOf } from './scan.ts';

const DAY = /^\d{4}-\d{2}-\d{2}$/;
const DAY_MS = 86_400_000;

/** How many files it has removed. @throws what the file system throws */
export async function removeOld(path: string, keepMs: number, now: number): Promise<number> {
  const done = `${path}/done`;
  let removed = 0;
  const days = await readdir(done).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  });
  for (const day of days) {
    // The last file of a day may have come at its end.
    if (!DAY.test(day) || Date.parse(day) + DAY_MS + keepMs > now) continue;
    for (const name of await readdir(`${done}/${day}`, 'latin1')) {
      if (!isKept(name)) continue;
      await rm(pathIn(`${done}/${day}`, name), { force: true });
      removed += 1;
    }
    await rmdir(`${done}/${day}`).catch((error: unknown) => {
      if (codeOf(error) !== 'ENOTEMPTY' && codeOf(error) !== 'EEXIST') throw error;
    });
  }
  return removed;
}
