/** One of our processes under a supervisor, as in production: whenever it ends it is started again. */
import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { Child } from '../../src/runtime/child.ts';

export interface Supervised {
  /** Whether there was anything to kill: it may be on its way up. */
  kill(): boolean;
  /** Also while it is on its way up. Takes no longer than a child may take to drain. */
  stop(): Promise<void>;
  /** How often it was started. */
  starts(): number;
}

const REST_MS = 500;

/** @param start has the child killed that is not up when it is to be over */
export function supervise(start: (over: AbortSignal) => Promise<Child>): Supervised {
  let running: Child | null = null;
  const over = new AbortController();
  setMaxListeners(0, over.signal);
  let starts = 0;
  const loop = (async () => {
    while (!over.signal.aborted) {
      starts += 1;
      try {
        running = await start(over.signal);
        if (over.signal.aborted) await running.stop();
        await running.exited;
      } catch {
        // It ended before it was up: a neighbour was away.
      }
      running = null;
      await delay(REST_MS, undefined, { signal: over.signal }).catch(() => {});
    }
  })();
  return {
    kill() {
      if (running === null) return false;
      void running.kill();
      running = null;
      return true;
    },
    async stop() {
      over.abort();
      await running?.stop();
      await loop;
    },
    starts: () => starts,
  };
}
