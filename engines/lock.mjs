// A lock file that names its holder: two starts at the same time, or two builds into one cache folder, take turns.
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isRunning, startMark } from './processes.mjs';

/**
 * Runs `work` while holding `file`. Waits for a holder that runs; a lock whose holder is dead is broken.
 * @param ctx uses `progress` (tells whom it waits for) and `signal`
 */
export async function withLock(ctx, file, work) {
  mkdirSync(dirname(file), { recursive: true });
  await acquire(ctx, file);
  try {
    return await work();
  } finally {
    rmSync(file, { force: true });
  }
}

async function acquire(ctx, file) {
  // Written aside and linked into place: nobody ever reads a lock without its holder's name in it.
  const mine = `${file}.${process.pid}`;
  writeFileSync(mine, JSON.stringify({ pid: process.pid, started: startMark(process.pid) }));
  try {
    if (take(mine, file) || take(mine, file)) return; // the first may find (and break) a dead holder's
    const holder = read(file);
    await ctx.progress.step(
      `waiting for process ${holder?.pid}, which holds ${file}`,
      '',
      async () => {
        while (!take(mine, file)) {
          ctx.signal.throwIfAborted();
          breakIfDead(file);
          await sleep(200);
        }
      },
    );
  } finally {
    rmSync(mine, { force: true });
  }
}

function take(mine, file) {
  try {
    linkSync(mine, file);
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    breakIfDead(file);
    return false;
  }
}

function breakIfDead(file) {
  const holder = read(file);
  if (holder === undefined || isRunning(holder)) return;
  const aside = `${file}.broken.${process.pid}`;
  try {
    renameSync(file, aside);
    // Between reading and renaming another process may have broken it and taken it: give that one back.
    const moved = read(aside);
    if (moved !== undefined && isRunning(moved)) linkSync(aside, file);
  } catch (error) {
    if (error.code !== 'ENOENT' && error.code !== 'EEXIST') throw error;
  } finally {
    rmSync(aside, { force: true });
  }
}

function read(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}
