/** One of our processes under a supervisor, as in production: whenever it ends it is started again. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Child } from '../../src/child.ts';

export interface Supervised {
  /** Whether there was anything to kill: it may be on its way up. */
  kill(): boolean;
  stop(): Promise<void>;
  /** How often it was started. */
  starts(): number;
}

const REST_MS = 500;

export function supervise(start: () => Promise<Child>): Supervised {
  let running: Child | null = null;
  let isOver = false;
  let starts = 0;
  const loop = (async () => {
    while (!isOver) {
      starts += 1;
      try {
        running = await start();
        if (isOver) await running.stop();
        await running.exited;
      } catch {
        // It ended before it was up: a neighbour was away.
      }
      running = null;
      if (!isOver) await delay(REST_MS);
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
      isOver = true;
      await running?.stop();
      await loop;
    },
    starts: () => starts,
  };
}
