import { setTimeout as delay } from 'node:timers/promises';
import { restBefore } from '../domain/backoff.ts';

/**
 * Does an action again until it works: the one retry loop outside Temporal. Full jitter, since all processes lose a server at the
 * same moment and must not all come back at the same moment.
 * @param failed is told of each failure and how long the rest is, ms
 * @throws what `stop` was aborted with, or the error when `isFinal` says so
 */
export async function insist<T>(
  action: () => Promise<T>,
  options: {
    stop: AbortSignal;
    failed: (error: unknown, restMs: number) => void;
    isFinal?: (error: unknown) => boolean;
    longestMs?: number;
  },
): Promise<T> {
  const longest = options.longestMs ?? 5_000;
  const backoff = { kind: 'exponential', initial: 200, longest, jitter: 1 } as const;
  for (let attempt = 1; ; attempt++) {
    options.stop.throwIfAborted();
    try {
      return await action();
    } catch (error) {
      if (options.isFinal?.(error) === true) throw error;
      const rest = 50 + restBefore(backoff, attempt, Math.random());
      options.failed(error, rest);
      await delay(rest, undefined, { signal: options.stop });
    }
  }
}

/** Does an action again until it works, for so long, ms; a try that is under way then is waited for. @throws what it failed with at last */
export async function soon<T>(ms: number, action: () => Promise<T>): Promise<T> {
  let why: unknown;
  const stop = AbortSignal.timeout(ms);
  return insist(action, { stop, failed: (error) => (why = error) }).catch(() => {
    throw why;
  });
}

/** Waits for a promise no longer than this. @throws Error naming what was waited for */
export async function within<T>(ms: number, what: string, work: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`${what}: no answer within ${ms} ms`)), ms);
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** @throws the reason of the signal, as soon as it is aborted */
export function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  return Promise.race([work, aborted]).finally(() => signal.removeEventListener('abort', onAbort));
}
