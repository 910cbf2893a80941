/** CPU time and memory of processes, as Linux tells them. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { z } from 'zod';

const status = z.object({
  engines: z.array(z.object({ name: z.string(), pid: z.number().nullish() }).loose()),
});

/** The processes of an instance's servers, by name: those that every part needs, or these. Empty for those that somebody else runs. */
export function serverPids(instance: string, names?: readonly string[]): Record<string, number> {
  const args = ['engines/cli.mjs', 'status', '--json', '--instance', instance];
  if (names !== undefined) args.push('--only', names.join());
  try {
    const out = execFileSync(process.execPath, args, { encoding: 'utf8' });
    const parsed = status.safeParse(JSON.parse(out));
    if (!parsed.success) return {};
    return Object.fromEntries(
      parsed.data.engines.flatMap(({ name, pid }) =>
        typeof pid === 'number' ? [[name, pid]] : [],
      ),
    );
  } catch {
    return {};
  }
}

/** User and system time, s. */
export const cpuSeconds = (pids: readonly number[]): number =>
  pids.reduce((sum, pid) => sum + seconds(readProc(pid, 'stat')), 0);

export const cpuSecondsBy = (pids: Record<string, number>): Record<string, number> =>
  Object.fromEntries(Object.entries(pids).map(([name, pid]) => [name, cpuSeconds([pid])]));

/** Of the thread that runs a Node process's JavaScript; its other threads compile, collect garbage, or are Temporal's. */
export const mainThreadCpuSeconds = (pid: number): number =>
  seconds(readProc(pid, `task/${pid}/stat`));

/** proc(5): clock ticks, 100 a second. */
function seconds(stat: string): number {
  const fields = stat.split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / 100;
}

/** Most memory that was resident, MB. */
export const peakRssMb = (pid: number): number =>
  Number(/VmHWM:\s+(\d+)/.exec(readProc(pid, 'status'))?.[1] ?? 0) / 1024;

/** Memory that is resident now, MB. */
export const rssMb = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readProc(pid, 'status'))?.[1] ?? 0) / 1024;

function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return ''; // not Linux, or gone
  }
}

/** A process and its descendants: PostgreSQL has one for each connection. */
export function processTree(pid: number): number[] {
  const children = readProc(pid, `task/${pid}/children`).split(' ').filter(Boolean).map(Number);
  return [pid, ...children.flatMap(processTree)];
}

/** The resident memory of processes, MB, now and each minute until it is stopped. */
export function watchMemory(pids: Record<string, number>) {
  const samples: Record<string, number>[] = [];
  const sample = () =>
    samples.push(
      Object.fromEntries(Object.entries(pids).map(([name, pid]) => [name, Math.round(rssMb(pid))])),
    );
  sample();
  const timer = setInterval(sample, 60_000);
  return {
    stop() {
      clearInterval(timer);
      return samples;
    },
  };
}
