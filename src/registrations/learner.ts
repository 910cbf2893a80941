/** What this worker saw of the latency, kept until it is written, every few seconds and at the end. */
import type { Interval } from '../domain/registrations/latency.ts';
import type { LatencyStore } from './latencies.ts';
import { every } from '../runtime/every.ts';
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
  const write = async (): Promise<void> => {
    const mine = seen;
    if (mine.length === 0) return;
    seen = [];
    try {
      await latencies.add(mine);
    } catch (error) {
      seen = [...mine, ...seen].slice(0, MOST);
      throw error;
    }
  };
  const writing = every(eachMs, write, log, {
    failed: 'Cannot write what was seen of the latency: it is kept for the next time',
    again: 'What was seen of the latency is written again',
  });
  return {
    observe(interval) {
      if (interval.upTo > 0 && seen.length < MOST) seen.push(interval);
    },
    flush: writing.run,
    async close() {
      await writing.close();
      await writing.run();
    },
  };
}
