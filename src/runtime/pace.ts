import { setTimeout as delay } from 'node:timers/promises';

/**
 * Keeps a rate from now on. Resolves when one may go after so many others, or at once when `signal` is aborted. Never rejects.
 * @param perSecond null for as fast as it goes
 */
export function pacer(
  perSecond: number | null,
  signal?: AbortSignal,
): (sent: number) => Promise<void> {
  const startedAt = performance.now();
  return async (sent) => {
    if (perSecond === null) return;
    const early = startedAt + (sent * 1000) / perSecond - performance.now();
    if (early > 0) await delay(early, undefined, { signal }).catch(() => {});
  };
}
