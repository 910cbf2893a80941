/** One run of a contestant: its own program fills its queue, works, and tells how far it is in files. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { cpuSeconds, peakRssMb, processTree, serverPids } from '../processes.ts';
import { celery, installContestants } from '../contestants.ts';
import type { Case, Other } from './cases.ts';
import type { Figures } from './figures.ts';
import { percentiles } from './ours.ts';

const HOME = 'bench/contestants';
const WARM_UP = 10;

interface Program {
  /** Fills its queue, all at once or one message at a time. */
  fill: (how: 'fill' | 'drip', count: number) => string[];
  work: (measured: Case) => string[];
}

export async function programOf(name: Other): Promise<Program> {
  if (name === 'bullmq') {
    await installContestants();
    const program = [process.execPath, 'tasks-bullmq.mjs'];
    return {
      fill: (how, count) => [...program, how, String(count)],
      work: () => [...program, 'work'],
    };
  }
  const python = await celery();
  return {
    fill: (how, count) => [python, 'tasks_celery.py', how, String(count)],
    work: ({ work }) => [
      ...[python, '-m', 'celery', '-A', 'tasks_celery', 'worker', '--loglevel', 'WARNING'],
      ...['--without-gossip', '--without-mingle', '--without-heartbeat'],
      ...(work === 'io' ? ['-P', 'threads', '-c', '100'] : ['-P', 'prefork', '-c', '2']),
    ],
  };
}

export async function other(
  { fill, work }: Program,
  measured: Case,
  instance: string,
): Promise<Figures> {
  const folder = mkdtempSync(join(tmpdir(), 'despachante-bench-other-'));
  const env = {
    BENCH_CASE: measured.work,
    BENCH_FOLDER: folder,
    BENCH_NAME: `bench-${Date.now().toString(36)}`,
  };
  const start = (command: string[]) => started(command, env, join(folder, 'log.txt'));
  const { count, unit } = measured;
  const redis = Object.values(serverPids(instance, ['redis']));
  let worker: ChildProcess | undefined;
  try {
    const isIdle = unit === 'ms';
    if (!isIdle) await finished(start(fill('fill', count)));
    const before = cpuSeconds(redis);
    worker = start(work(measured));
    if (isIdle) await finished(start(fill('drip', WARM_UP + count)));
    const all = isIdle ? WARM_UP + count : count;
    const wall = await untilTold(folder, all, worker);
    const processes = processTree(worker.pid ?? 0);
    const each = (seconds: number) => (seconds * 1_000) / count;
    return {
      ...(isIdle
        ? percentiles(join(folder, 'late.txt'), WARM_UP)
        : { value: (count * 1_000) / wall }),
      processMsEach: each(cpuSeconds(processes)),
      serverMsEach: each(cpuSeconds(redis) - before),
      peakRssMb: processes.reduce((sum, pid) => sum + peakRssMb(pid), 0),
    };
  } finally {
    if (worker !== undefined && worker.exitCode === null) {
      worker.kill('SIGTERM');
      await once(worker, 'exit');
    }
    rmSync(folder, { recursive: true });
  }
}

function started([program = '', ...args]: string[], env: object, logFile: string): ChildProcess {
  const log = openSync(logFile, 'a');
  const child = spawn(program, args, {
    cwd: HOME,
    env: { ...process.env, ...env },
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  return child;
}

async function finished(child: ChildProcess): Promise<void> {
  await once(child, 'exit');
  if (child.exitCode !== 0) throw new Error('a contestant could not fill its queue');
}

/** From the first that began to the last that ended, ms: each process of it writes `<count> <first> <last>`. */
async function untilTold(folder: string, count: number, worker: ChildProcess): Promise<number> {
  const deadline = Date.now() + 600_000;
  for (;;) {
    const told = readdirSync(folder)
      .filter((name) => name.startsWith('told.'))
      .map((name) => readFileSync(join(folder, name), 'utf8').trim().split(' ').map(Number))
      .filter(([n = 0]) => n > 0);
    const sum = told.reduce((total, [n = 0]) => total + n, 0);
    if (sum >= count) {
      const firsts = told.map(([, first = 0]) => first);
      return Math.max(...told.map(([, , last = 0]) => last)) - Math.min(...firsts);
    }
    if (worker.exitCode !== null)
      throw new Error('a contestant has ended before its work was done');
    if (Date.now() > deadline) throw new Error(`${sum} of ${count} after 10 minutes`);
    await delay(200);
  }
}
