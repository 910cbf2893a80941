/** So many at once, and of those that wait the one with the fewest attempts first: what was never tried is not held up by what failed. */

interface Waiter {
  attempt: number;
  begin: () => void;
  drop: () => void;
}

export type Turns = ReturnType<typeof createTurns>;

export function createTurns(atOnce: number) {
  /** By attempt, each in the order of its coming. */
  const waiting = new Map<number, Waiter[]>();
  let running = 0;
  let isClosed = false;
  let whenIdle = (): void => {};

  function next(): Waiter | undefined {
    const least = Math.min(...waiting.keys());
    const line = waiting.get(least);
    const first = line?.shift();
    if (line?.length === 0) waiting.delete(least);
    return first;
  }

  function begin(): void {
    while (running < atOnce && waiting.size > 0) {
      const first = next();
      if (first === undefined) return;
      running += 1;
      first.begin();
    }
    if (running === 0) whenIdle();
  }

  return {
    /** Does it when it is its turn; null where they are closed before. */
    async take<T>(attempt: number, work: () => Promise<T>): Promise<T | null> {
      if (isClosed) return null;
      const isMine = await new Promise<boolean>((resolve) => {
        const line = waiting.get(attempt) ?? [];
        line.push({ attempt, begin: () => resolve(true), drop: () => resolve(false) });
        waiting.set(attempt, line);
        begin();
      });
      if (!isMine) return null;
      try {
        return await work();
      } finally {
        running -= 1;
        begin();
      }
    },
    running: () => running,
    /** Whoever waits gets no turn any more. Resolves when those that run are done. */
    close(): Promise<void> {
      isClosed = true;
      for (const line of waiting.values()) for (const { drop } of line) drop();
      waiting.clear();
      return new Promise((resolve) => {
        whenIdle = resolve;
        if (running === 0) resolve();
      });
    },
  };
}
