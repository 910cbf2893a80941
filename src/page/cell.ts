/** Something that is read again and again for all who look: its value, how old it is, or why nobody knows it. */
import { why } from '../doctor/diagnosis.ts';
import { maskText } from '../runtime/mask.ts';

export type Tile<T> =
  | { state: 'value'; value: T; at: Date }
  | { state: 'stale'; value: T; at: Date; reason: string }
  | { state: 'unknown'; reason: string };

/** How often something is read while somebody looks. */
export const WATCHED_MS = 2_000;
/** A reading that lasts is as good as none. */
export const STALE_MS = 15_000;
/** A reading may take up this share of the time: what is dear is read less often. */
const SHARE = 0.05;
const LONGEST_REST_MS = 60_000;
/** Of one that changes seldom, or is drawn by the minute. */
export const CALM_MS = 10_000;

export type Cell<T> = ReturnType<typeof createCell<T>>;

export function createCell<T>(
  read: () => Promise<T>,
  now = () => performance.now(),
  leastRestMs = 0,
) {
  let last: { value: T; at: Date; atMs: number } | null = null;
  let trouble: string | null = null;
  let failures = 0;
  let cost = 0;
  let startedAt = -Infinity;
  let running: Promise<void> | null = null;

  const restMs = (everyMs: number): number =>
    failures > 0
      ? Math.min(LONGEST_REST_MS, everyMs * 2 ** Math.min(failures, 5))
      : Math.max(everyMs, leastRestMs, Math.min(LONGEST_REST_MS, cost / SHARE));

  async function readOnce(): Promise<void> {
    const begunAt = (startedAt = now());
    try {
      const value = await read();
      last = { value, at: new Date(), atMs: now() };
      trouble = null;
      failures = 0;
    } catch (error) {
      trouble = maskText(why(error));
      failures += 1;
    }
    cost = now() - begunAt;
  }

  async function refresh(everyMs: number): Promise<boolean> {
    if (running === null && now() - startedAt < restMs(everyMs)) return false;
    await (running ??= readOnce().finally(() => (running = null)));
    return true;
  }

  return {
    /** Reads again where it is due, and not while a reading lasts. Whether it was read. Never throws. */
    refresh,
    /** For a reading that builds on this one. @throws why it could not be read */
    async latest(everyMs: number): Promise<T> {
      if (trouble !== null) startedAt = -Infinity;
      await refresh(everyMs);
      if (last === null || trouble !== null) throw new Error(trouble ?? 'It was not read yet');
      return last.value;
    },
    /** It is known to have changed. */
    expire(): void {
      startedAt = -Infinity;
    },
    /** @param everyMs how often it is to be read; an older value is stale */
    tile(everyMs: number): Tile<T> {
      if (last === null) return { state: 'unknown', reason: trouble ?? 'It was not read yet' };
      const { value, at, atMs } = last;
      const isOld = now() - atMs > STALE_MS + restMs(everyMs);
      if (trouble === null && !isOld) return { state: 'value', value, at };
      const dear = `To read it takes ${Math.round(cost / 1_000)} s, so it is read seldom`;
      const lasts = running === null ? dear : 'A reading of it lasts';
      return { state: 'stale', value, at, reason: trouble ?? lasts };
    },
  };
}

/** A tile of what follows from another. */
export function part<T, Part>(tile: Tile<T>, take: (value: T) => Part): Tile<Part> {
  return tile.state === 'unknown' ? tile : { ...tile, value: take(tile.value) };
}
