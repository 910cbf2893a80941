import { setTimeout as delay } from 'node:timers/promises';

const ENDS = [
  'despachante_registrations_total',
  'despachante_duplicates_total',
  'despachante_set_aside_total',
];

/**
 * Waits until worker and intake have counted so many ends. By their metrics, which cost the measured system next to
 * nothing; asking the store again and again would not.
 */
export async function settledByMetrics(ports: readonly number[], count: number): Promise<void> {
  const startedAt = Date.now();
  for (let told = 0; ;) {
    const metrics = (await Promise.all(ports.map(scrape))).join('\n');
    const ended = ENDS.reduce((sum, metric) => sum + sumOf(metrics, metric), 0);
    if (ended >= count) return;
    const seconds = Math.round((Date.now() - startedAt) / 1000);
    if (seconds - told >= 5) {
      told = seconds;
      process.stderr.write(`${seconds} s: ${ended} of ${count} settled\n`);
    }
    await delay(1_000);
  }
}

async function scrape(port: number): Promise<string> {
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`);
  return answer.text();
}

const sumOf = (text: string, metric: string): number =>
  text
    .split('\n')
    .filter((line) => line.startsWith(metric))
    .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
