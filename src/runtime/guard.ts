/** Tells when this process uses too much memory or is late with what is due; a pause of the garbage collector is no alarm. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { totalmem } from 'node:os';
import { getHeapStatistics } from 'node:v8';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';

/** What is looked at; ms and bytes. */
export interface Vitals {
  loopDelayMs: number;
  rss: number;
  heap: number;
  heapLimit: number;
}

const EACH_MS = 1_000;
/** In a row. It must be well for longer than it must be ill, or it would swing. */
const ILL_AFTER = 2;
const WELL_AFTER = 3;
/** Of each limit: at or below it all is well again. */
const WELL_BELOW = 0.85;

export type Guard = ReturnType<typeof createGuard>;

/** @param settings bytes, null for three quarters of what this process may have; ms */
export function createGuard(
  settings: { maxMemory: number | null; maxLoopDelay: number },
  metrics: Pick<Metrics, 'suffering'>,
  log: Log,
  { look = watchVitals(), eachMs = EACH_MS } = {},
) {
  const maxMemory = settings.maxMemory ?? Math.floor(0.75 * memoryOfProcess());
  const listeners = new Set<(suffers: string | null) => void>();
  let suffers: string | null = null;
  let vitals: Vitals | null = null;
  let ill = 0;
  let well = 0;
  const timer = setInterval(check, eachMs);
  timer.unref();
  metrics.suffering.set(0);

  function check(): void {
    vitals = look.vitals();
    const share = suffers === null ? 1 : WELL_BELOW;
    const now = complaint(vitals, maxMemory, settings.maxLoopDelay, share);
    ill = now === null ? 0 : ill + 1;
    well = now === null ? well + 1 : 0;
    if (suffers === null && now !== null && ill >= ILL_AFTER) change(now);
    else if (suffers !== null && well >= WELL_AFTER) change(null);
  }

  function change(to: string | null): void {
    suffers = to;
    metrics.suffering.set(to === null ? 0 : 1);
    if (to === null) log.info({}, 'This process is well again');
    else
      log.warn(
        { runbook: 'memory-or-disk', suffers: to },
        'This process is short of memory, or late: intake takes nothing for now',
      );
    for (const listener of listeners) listener(to);
  }

  return {
    /** In words, or null. */
    suffers: () => suffers,
    /** As it saw them last; null until it has looked. */
    vitals: () => vitals,
    /** @param until aborted when the listener is to hear no more */
    onChange(listener: (suffers: string | null) => void, until?: AbortSignal): void {
      listeners.add(listener);
      until?.addEventListener('abort', () => listeners.delete(listener), { once: true });
    },
    close(): void {
      clearInterval(timer);
      look.close();
    },
  };
}

/** What is too much, in words; `share` of the limits counts. */
export function complaint(
  { loopDelayMs, rss, heap, heapLimit }: Vitals,
  maxMemory: number,
  maxLoopDelay: number,
  share: number,
): string | null {
  const mib = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MiB`;
  if (rss > maxMemory * share) return `memory: ${mib(rss)} of ${mib(maxMemory)}`;
  if (heap > heapLimit * 0.85 * share) return `heap: ${mib(heap)} of ${mib(heapLimit)}`;
  if (loopDelayMs > maxLoopDelay * share)
    return `event loop: ${Math.round(loopDelayMs)} ms late, limit ${maxLoopDelay} ms`;
  return null;
}

/** Each look wakes the process: an idle one is to stay idle. */
const RESOLUTION_MS = 100;

function watchVitals() {
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delays.enable();
  return {
    vitals(): Vitals {
      const loopDelayMs = Math.max(0, delays.max / 1e6 - RESOLUTION_MS);
      delays.reset();
      const { rss, heapUsed } = process.memoryUsage();
      const { heap_size_limit: heapLimit } = getHeapStatistics();
      return { loopDelayMs, rss, heap: heapUsed, heapLimit };
    },
    close: (): void => void delays.disable(),
  };
}

/** The limit of the container, where there is one. */
function memoryOfProcess(): number {
  const limit = process.constrainedMemory();
  return limit > 0 && limit < totalmem() ? limit : totalmem();
}
