import { setTimeout as delay } from 'node:timers/promises';

/** Retries an assertion until it holds. @throws its last error, after `withinMs`, with what was waited for */
export async function eventually<T>(
  what: string,
  assertion: () => Promise<T> | T,
  withinMs = 180_000,
): Promise<T> {
  const begun = Date.now();
  for (;;) {
    const asked = Date.now();
    try {
      return await assertion();
    } catch (error) {
      const now = Date.now();
      if (now > begun + withinMs)
        throw new Error(`Not within ${withinMs} ms: ${what}`, { cause: error });
      // Whoever asks for much, or has waited for long, asks less often: all tests share the machine.
      await delay(Math.max(50, now - asked, Math.min((now - begun) / 20, 250)));
    }
  }
}
