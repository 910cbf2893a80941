/** The gauge of what is in doubt now, counted when somebody asks for it. */
import type { Metrics } from '../runtime/metrics.ts';
import { within } from '../runtime/retry.ts';

const FRESH_MS = 15_000;
/** A scrape is not held up for longer by a MongoDB that is away. */
const PATIENCE_MS = 1_000;

/** Brings the gauge up to date; NaN while nobody knows. Never throws. */
export function createDoubtGauge(
  gauge: Metrics['inDoubt'],
  count: () => Promise<number>,
): () => Promise<void> {
  let countedAt = -Infinity;
  let counting: Promise<void> | null = null;
  const countNow = async (): Promise<void> => {
    const found = await count();
    countedAt = performance.now();
    gauge.set(found);
  };
  return async () => {
    if (performance.now() - countedAt < FRESH_MS) return;
    counting ??= countNow().finally(() => (counting = null));
    await within(PATIENCE_MS, 'the count of doubts', counting).catch(() => gauge.set(NaN));
  };
}
