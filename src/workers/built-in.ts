/** Calls of a handler that is ours: in this process, since no code of anybody else is in it. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Call, Caller, Ended } from './call.ts';

/** Aborted, a handler ends soon; it is waited for so long, ms. */
const ABORTED_MS = 5_000;

/** @param handle never throws; ends as `interrupted` when its signal is aborted */
export function builtInCaller(handle: (call: Call, signal: AbortSignal) => Promise<Ended>): Caller {
  const running = new Map<Promise<Ended>, { id: string; abort: AbortController }>();
  let isStopping = false;

  async function call(each: Call): Promise<Ended> {
    if (isStopping) return { kind: 'interrupted' };
    const abort = new AbortController();
    const end = handle(each, abort.signal);
    running.set(end, { id: each.id, abort });
    return end.finally(() => running.delete(end));
  }

  async function untilIdle(ms: number): Promise<void> {
    const enough = new AbortController();
    const late = delay(ms, undefined, { signal: enough.signal }).catch(() => {});
    await Promise.race([late, Promise.allSettled(running.keys())]);
    enough.abort();
  }

  return {
    call,
    callBatch: (calls) => Promise.all(calls.map(call)),
    cancel(id) {
      for (const one of running.values()) if (one.id === id) one.abort.abort();
    },
    tell: () => {},
    async stop(finishWithinMs) {
      isStopping = true;
      await untilIdle(finishWithinMs);
      for (const { abort } of running.values()) abort.abort();
      await untilIdle(ABORTED_MS);
    },
  };
}
