/** One process at a time for an output: a file that names the process, and is worth nothing once that is gone. */
import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';

/** `started` tells a process from a later one of the same number; null where the system does not say. */
const holderSchema = z.object({ pid: z.number(), started: z.string().nullable() });
type Holder = z.infer<typeof holderSchema>;

export class Locked extends Error {
  override readonly name = 'Locked';
}

/** Another process may have taken a dead one's file at the same moment. */
const SETTLE_MS = 50;

/** @param path of the file. @throws Locked while the process that has it lives */
export async function lock(path: string): Promise<{ release(): Promise<void> }> {
  const mine = JSON.stringify({ pid: process.pid, started: await startOf(process.pid) });
  const own = `${path}.${process.pid}`;
  await writeFile(own, mine);
  try {
    for (;;) {
      if (await linked(own, path)) break;
      const text = await readFile(path, 'utf8').catch(() => '');
      const holder = readHolder(text);
      if (holder !== null && (await lives(holder)))
        throw new Locked(`process ${holder.pid} is at work on it`);
      await rm(path, { force: true });
    }
  } finally {
    await rm(own, { force: true });
  }
  await delay(SETTLE_MS);
  if ((await readFile(path, 'utf8').catch(() => '')) !== mine)
    throw new Locked('another process has begun with it at the same moment');
  return { release: () => rm(path, { force: true }) };
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

function readHolder(text: string): Holder | null {
  try {
    return holderSchema.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}

async function lives({ pid, started }: Holder): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // Somebody else's process is one, too.
    if (!(error instanceof Error && 'code' in error && error.code === 'EPERM')) return false;
  }
  return started === (await startOf(pid));
}

/** Ticks since the boot, and which boot: /proc of Linux. */
async function startOf(pid: number): Promise<string | null> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
    return `${boot.trim()} ${ticks ?? ''}`;
  } catch {
    return null;
  }
}
