/** The receiver of the benches that send, and who sends to it: how fast, and what it took. */
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { Child } from '../../src/runtime/child.ts';
import { cpuSeconds, peakRssMb, processTree } from '../processes.ts';
import { ended } from '../tasks/ours.ts';
import type { Told } from './receiver.ts';

const PROGRAM = fileURLToPath(new URL('receiver.js', import.meta.url));
const up = z.object({ port: z.number() });
const told = z.object({
  ...{ requests: z.number(), distinct: z.number(), bytes: z.number() },
  ...{ firstAt: z.number(), lastAt: z.number() },
}) satisfies z.ZodType<Told>;

export async function startReceiver() {
  const child = fork(PROGRAM, { execArgv: [] });
  const next = (): Promise<unknown> => new Promise((resolve) => child.once('message', resolve));
  const { port } = up.parse(await next());
  return {
    url: `http://127.0.0.1:${port}`,
    async told(): Promise<Told> {
      child.send('tell');
      return told.parse(await next());
    },
    async stop(): Promise<void> {
      child.disconnect();
      await once(child, 'exit');
    },
  };
}

export type Receiver = Awaited<ReturnType<typeof startReceiver>>;

export interface Spent {
  /** User and system time, s, and most memory, MB, of all its processes. */
  cpuSeconds: number;
  peakMb: number;
}

const LOOK_MS = 100;

/** A program that ends by itself. Its time and memory are those of the last look before. @throws Error that names the log */
export async function runProgram(
  [program = '', ...args]: string[],
  logFile: string,
  env = process.env,
): Promise<Spent> {
  const log = openSync(logFile, 'a');
  const child = spawn(program, args, { env, stdio: ['ignore', log, log] });
  closeSync(log);
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const spent = { cpuSeconds: 0, peakMb: 0 };
  const look = setInterval(() => {
    spent.cpuSeconds = Math.max(spent.cpuSeconds, cpuSeconds([child.pid ?? 0]));
    spent.peakMb = Math.max(spent.peakMb, peakRssMb(child.pid ?? 0));
  }, LOOK_MS);
  const code = await exited;
  clearInterval(look);
  if (code !== 0) throw new Error(`${program} has ended with ${code}: see ${logFile}`);
  return spent;
}

/** Ours, once so many have settled. */
export async function spentBy(child: Child, count: number): Promise<Spent> {
  await ended([child], count, /^despachante_tasks_total/);
  const all = processTree(child.pid);
  return { cpuSeconds: cpuSeconds(all), peakMb: all.reduce((sum, pid) => sum + peakRssMb(pid), 0) };
}

/** Until the receiver has seen so many. */
export async function received(receiver: Receiver, count: number): Promise<Told> {
  const deadline = Date.now() + 600_000;
  for (;;) {
    const now = await receiver.told();
    if (now.distinct >= count) return now;
    if (Date.now() > deadline) throw new Error(`${now.distinct} of ${count} after 10 minutes`);
    await delay(LOOK_MS);
  }
}
