/** What this worker saw of the latency, kept until it is written, every few seconds and at the end. */
import type { Interval } from '../domain/registrations/latency.ts';
import type { LatencyStore } from './latencies.ts';
import { errorFacts } from '../runtime/log.ts';
import type { Log } from '../runtime/log.ts';

export interface Learner {
  /** Never throws, never waits: what is seen is a help, and no step depends on it. */
  observe(interval: Interval): void;
  /** Writes what there is; what cannot be written is kept for the next time. */
  flush(): Promise<void>;
  /** Writes what there is, for the last time. */
  close(): Promise<void>;
}

/** Held while MongoDB is away; what comes on top is not missed. */
const MOST = 20_000;

export function createLearner(
  latencies: Pick<LatencyStore, 'add'>,
  log: Log,
  eachMs = 5_000,
): Learner {
  let seen: Interval[] = [];
  let writing = Promise.resolve();
  let isFailing = false;

  const write = async (): Promise<void> => {
    const mine = seen;
    if (mine.length === 0) return;
    seen = [];
    try {
      await latencies.add(mine);
      isFailing = false;
    } catch (error) {
      seen = [...mine, ...seen].slice(0, MOST);
      if (!isFailing) log.warn(errorFacts(error), 'What was seen of the latency is not written');
      isFailing = true;
    }
  };
  const flush = (): Promise<void> => (writing = writing.then(write));
  const timer = setInterval(() => void flush(), eachMs);
  timer.unref();
  return {
    observe(interval) {
      if (interval.upTo > 0 && seen.length < MOST) seen.push(interval);
    },
    flush,
    async close() {
      clearInterval(timer);
      await flush();
    },
  };
}
