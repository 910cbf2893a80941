/**
 * Answers that are gathered as they come. Nobody waits for a neighbour: a short while after the first of them, what is
 * there is taken, and the rest is named as still under way.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { GRACE_MS } from '../src/domain/timing.ts';

/** What is there of what was asked, each in the order in which it was begun. */
export interface Gathered<R, A> {
  answers: A[];
  failures: unknown[];
  /** Those that failed instead of being answered. */
  failed: R[];
  /** Those whose answers are not there yet. */
  open: R[];
}

/** How long is waited at most, ms: for all, and from the first that is under way until one is answered. */
export interface Patience {
  inAll: number;
  forOne: number;
}

export interface Gathering<R, A> {
  /** Waits for one more, which never rejects unheard. */
  await(request: R, answer: Promise<A>): void;
  /** An answer is there from before. */
  hasAnswer: () => void;
  /** Resolves once all are answered, or the grace of the first is over. `more`: until when others may come. */
  isOver(more?: Promise<void>): Promise<void>;
  /** What is there now; what comes later is of the next who ask. */
  taken(): Gathered<R, A>;
}

export function createGathering<R, A>(patience?: Patience): Gathering<R, A> {
  const answers = new Map<R, A>();
  const failures = new Map<R, unknown>();
  const all: R[] = [];
  const awaited: Promise<void>[] = [];
  const first = latch();
  const begun = latch();

  return {
    await(request, answer) {
      all.push(request);
      begun.open();
      const ended = answer.then(
        (one) => void answers.set(request, one),
        (error: unknown) => void failures.set(request, error),
      );
      awaited.push(ended.then(first.open));
    },
    hasAnswer: first.open,
    async isOver(more = Promise.resolve()) {
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
    taken: () => ({
      answers: all.flatMap((request) => answers.get(request) ?? []),
      failures: [...failures.values()],
      failed: all.filter((request) => failures.has(request)),
      open: all.filter((request) => !answers.has(request) && !failures.has(request)),
    }),
  };
}

/** A promise that is kept by whoever opens it. */
export function latch(): { open: () => void; passed: Promise<void> } {
  let open = (): void => {};
  const passed = new Promise<void>((resolve) => (open = resolve));
  return { open, passed };
}
