/** The gauge of what is in doubt now, counted when somebody asks for it. */
import type { Metrics } from '../runtime/metrics.ts';

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
  const begin = (): Promise<void> =>
    count()
      .then(
        (found) => {
          countedAt = performance.now();
          gauge.set(found);
        },
        () => gauge.set(NaN),
      )
      .finally(() => (counting = null));
  return async () => {
    if (performance.now() - countedAt < FRESH_MS) return;
    counting ??= begin();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        gauge.set(NaN);
        resolve();
      }, PATIENCE_MS);
    });
    await Promise.race([counting, late]);
    clearTimeout(timer);
  };
}
