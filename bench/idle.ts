/** What the system costs while nothing comes: the share of a core that each process takes. */
import { setTimeout as delay } from 'node:timers/promises';
import { cpuSecondsBy } from './processes.ts';
import { round } from './report.ts';

/** What has just been started still compiles and tidies up. */
const SETTLES_MS = 60_000;

/** By process, percent of a core over so many seconds. */
export async function measureIdle(
  pids: Record<string, number>,
  seconds: number,
): Promise<{ percentOfACore: Record<string, number> }> {
  await delay(SETTLES_MS);
  const before = cpuSecondsBy(pids);
  const begun = performance.now();
  await delay(seconds * 1_000);
  const tookSeconds = (performance.now() - begun) / 1_000;
  const percentOfACore = Object.fromEntries(
    Object.entries(cpuSecondsBy(pids)).map(([name, after]) => [
      name,
      round(((after - (before[name] ?? 0)) / tookSeconds) * 100),
    ]),
  );
  return { percentOfACore };
}
