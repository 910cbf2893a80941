/** Something that is done again and again: never twice at once, and only the first of its failures in a row is told. */
import { errorFacts, type Log, type Page } from './log.ts';

export type Every = ReturnType<typeof every>;

/** @param told what the log says when it fails, and when it works again */
export function every(
  eachMs: number,
  action: () => Promise<void>,
  log: Log,
  told: { runbook: Page; failed: string; again: string },
) {
  let isFailing = false;
  let running: Promise<void> | null = null;
  let next: Promise<void> | null = null;

  async function safely(): Promise<void> {
    try {
      await action();
      if (isFailing) log.info({}, told.again);
      isFailing = false;
    } catch (error) {
      if (!isFailing) log.warn({ runbook: told.runbook, ...errorFacts(error) }, told.failed);
      isFailing = true;
    }
  }
  const start = (): Promise<void> => (running = safely().finally(() => (running = null)));
  async function afterThat(under: Promise<void>): Promise<void> {
    await under;
    next = null;
    await start();
  }
  const timer = setInterval(() => {
    if (running === null) void start();
  }, eachMs);
  timer.unref();
  return {
    /** Does it now, or after the time that is under way, which may have begun too early to see a change. Never throws. */
    run: (): Promise<void> => next ?? (running === null ? start() : (next = afterThat(running))),
    /** Ends it, and waits for the times that are under way or asked for. */
    close: async (): Promise<void> => {
      clearInterval(timer);
      await (next ?? running);
    },
  };
}
