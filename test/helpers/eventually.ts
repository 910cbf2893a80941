import { setTimeout as delay } from 'node:timers/promises';

/** Retries an assertion until it holds. @throws its last error, after `withinMs`, with what was waited for */
export async function eventually<T>(
  what: string,
  assertion: () => Promise<T> | T,
  withinMs = 180_000,
): Promise<T> {
  const end = Date.now() + withinMs;
  for (;;) {
    try {
      return await assertion();
    } catch (error) {
      if (Date.now() > end) throw new Error(`Not within ${withinMs} ms: ${what}`, { cause: error });
      await delay(50);
    }
  }
}
