/** Something that is done again and again: never twice at once, and only the first of its failures in a row is told. */
import { errorFacts, type Log } from './log.ts';

export type Every = ReturnType<typeof every>;

/** @param told what the log says when it fails, and when it works again */
export function every(
  eachMs: number,
  action: () => Promise<void>,
  log: Log,
  told: { failed: string; again: string },
) {
  let isFailing = false;
  let running: Promise<void> | null = null;

  async function safely(): Promise<void> {
    try {
      await action();
      if (isFailing) log.info({}, told.again);
      isFailing = false;
    } catch (error) {
      if (!isFailing) log.warn(errorFacts(error), told.failed);
      isFailing = true;
    }
  }
  const run = (): Promise<void> => (running ??= safely().finally(() => (running = null)));
  const timer = setInterval(() => void run(), eachMs);
  timer.unref();
  return {
    /** Does it now, or waits for the time that is under way. Never throws. */
    run,
    /** Ends it, and waits for the time that is under way. */
    close: async (): Promise<void> => {
      clearInterval(timer);
      await running;
    },
  };
}
