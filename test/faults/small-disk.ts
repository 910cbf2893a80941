/** A small disk of a scenario's own, which it can fill: a tmpfs. Needs root, and a system that lets root mount. */
import { execFile } from 'node:child_process';
import {
  closeSync,
  mkdtempSync,
  openSync,
  rmSync,
  rmdirSync,
  statfsSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { atEnd } from '../helpers/servers.ts';
import type { Ending } from '../helpers/servers.ts';

const run = promisify(execFile);

export interface SmallDisk {
  folder: string;
  /** Fills it but for so many bytes. */
  fill(left: number): void;
  /** Gives back what `fill` has taken. */
  free(): void;
}

/** Mounted until the scenario ends. Null where nothing may be mounted. */
export async function smallDisk(t: Ending, megabytes: number): Promise<SmallDisk | null> {
  const folder = mkdtempSync(join(tmpdir(), 'despachante-disk-'));
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder]);
  } catch {
    rmdirSync(folder);
    return null;
  }
  atEnd(t, async () => {
    // Lazily: a server that has just ended may not have let go of it yet.
    await run('umount', ['--lazy', folder]);
    rmdirSync(folder);
  });
  const ballast = join(folder, 'ballast');
  return {
    folder,
    fill(left) {
      const file = openSync(ballast, 'a');
      try {
        for (;;) {
          const { bavail, bsize } = statfsSync(folder);
          const size = Math.min(bavail * bsize - left, 1024 * 1024);
          if (size <= 0) return;
          writeSync(file, Buffer.alloc(size));
        }
      } catch (error) {
        const isFull = error instanceof Error && 'code' in error && error.code === 'ENOSPC';
        if (!isFull) throw error;
      } finally {
        closeSync(file);
      }
    },
    free: () => rmSync(ballast, { force: true }),
  };
}
