/** Gathers answers as they come: those that are there a short while after the first, and which are still under way. */
import { setTimeout as delay } from 'node:timers/promises';
import { GRACE_MS } from '../src/domain/timing.ts';

/** Each in the order in which it was begun. */
export interface Gathered<R, A> {
  answers: A[];
  failures: unknown[];
  failed: R[];
  /** Those that are still under way. */
  open: R[];
}

/** The longest wait, ms: for all, and from the first that is under way until one is answered. */
export interface Patience {
  inAll: number;
  forOne: number;
}

export function createGathering<R, A>(patience?: Patience) {
  const answers = new Map<R, A>();
  const failures = new Map<R, unknown>();
  const all: R[] = [];
  const awaited: Promise<void>[] = [];
  const first = latch();
  const begun = latch();

  return {
    await(request: R, answer: Promise<A>): void {
      all.push(request);
      begun.open();
      const ended = answer.then(
        (one) => void answers.set(request, one),
        (error: unknown) => void failures.set(request, error),
      );
      awaited.push(ended.then(first.open));
    },
    /** An answer is there from before. */
    hasAnswer: first.open,
    /** Resolves once all are answered, or the grace of the first is over. `more`: until when others may come. */
    async isOver(more = Promise.resolve()): Promise<void> {
      const stop = new AbortController();
      const after = async (what: Promise<void>, ms: number): Promise<void> => {
        await what;
        await delay(ms, undefined, { signal: stop.signal }).catch(() => {});
      };
      const isOver = [more.then(() => Promise.all(awaited)), after(first.passed, GRACE_MS)];
      if (patience !== undefined) {
        isOver.push(after(Promise.resolve(), patience.inAll));
        isOver.push(after(begun.passed, patience.forOne));
      }
      await Promise.race(isOver);
      stop.abort();
    },
    taken: (): Gathered<R, A> => ({
      answers: all.flatMap((request) => answers.get(request) ?? []),
      failures: [...failures.values()],
      failed: all.filter((request) => failures.has(request)),
      open: all.filter((request) => !answers.has(request) && !failures.has(request)),
    }),
  };
}

export function latch(): { open: () => void; passed: Promise<void> } {
  const { resolve: open, promise: passed } = Promise.withResolvers<void>();
  return { open, passed };
}
