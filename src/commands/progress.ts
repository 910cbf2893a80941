/** A line that counts, rewritten in place on the terminal; nothing at all where stderr is none. */

const EVERY_MS = 200;

/** @param text what the line says; `seconds` since the beginning, above 0 */
export function showProgress(text: (at: { done: number; seconds: number }) => string) {
  let done = 0;
  if (!process.stderr.isTTY) return { step() {}, end() {} };
  const startedAt = performance.now();
  const write = (): void => {
    const seconds = Math.max(performance.now() - startedAt, 1) / 1000;
    process.stderr.write(`\r\u{1b}[K${text({ done, seconds })}`);
  };
  const timer = setInterval(write, EVERY_MS);
  return {
    step: () => void (done += 1),
    end() {
      clearInterval(timer);
      process.stderr.write('\r\u{1b}[K');
    },
  };
}
