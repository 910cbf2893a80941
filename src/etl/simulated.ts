/** The process of the example program: it takes some time and fails by chance. Which chance can be chosen, so that a run can be repeated. */
import { createHash, randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { EtlSettings } from './settings.ts';

export type Simulation = Pick<EtlSettings, 'processingTime' | 'delayTime' | 'failureRate'>;

export const newSeed = (): number => randomInt(2 ** 31);

/** Three numbers from 0 to 1 for an attempt: the same for the same seed, in whatever order and process attempts are made. */
export function rolls(seed: number, item: string, attempt: number): [number, number, number] {
  const hash = createHash('sha256').update(`${seed}/${item}/${attempt}`).digest();
  const roll = (n: number): number => hash.readUInt32BE(4 * n) / 2 ** 32;
  return [roll(0), roll(1), roll(2)];
}

/** Whether it succeeded. @throws the reason of the signal when that is aborted first */
export async function simulate(
  { processingTime, delayTime, failureRate }: Simulation,
  [delayed, processed, chance]: readonly [number, number, number],
  signal: AbortSignal,
): Promise<boolean> {
  const ms = 1_000 * (delayed * delayTime + processed * processingTime);
  if (ms > 0) await delay(ms, undefined, { signal });
  return chance >= failureRate / 100;
}
