/** What this worker saw of the latency, kept until it is written, every few seconds and at the end. */
import type { Interval } from '../domain/registrations/latency.ts';
import type { LatencyStore } from './latencies.ts';
import type { Plans } from './plans.ts';
import { every } from '../runtime/every.ts';
import type { Log } from '../runtime/log.ts';

export type Learner = ReturnType<typeof createLearner>;

/** Kept while MongoDB is away; more is not missed. */
const MOST = 20_000;

export function createLearner(
  latencies: Pick<LatencyStore, 'add'>,
  plans: Pick<Plans, 'hasten' | 'refresh'>,
  log: Log,
  eachMs = 5_000,
) {
  let seen: Interval[] = [];
  let halfDoneBy: number | null = null;
  const write = async (): Promise<void> => {
    const [mine, by] = [seen, halfDoneBy];
    if (mine.length === 0 && by === null) return;
    [seen, halfDoneBy] = [[], null];
    try {
      await latencies.add(mine, by);
    } catch (error) {
      seen = [...mine, ...seen].slice(0, MOST);
      halfDoneBy ??= by;
      throw error;
    }
  };
  const writing = every(eachMs, write, log, {
    runbook: 'mongodb-away',
    failed: 'Cannot write the latencies that were measured: they are kept for the next time',
    again: 'The latencies that were measured are written again',
  });
  return {
    /** Never throws, never waits: no step depends on it. */
    observe(interval: Interval): void {
      if (interval.upTo > 0 && seen.length < MOST) seen.push(interval);
    },
    /** Half of those that explored were done by then, ms after acceptance: this process knows at once, and the others soon. */
    hasten(by: number): void {
      if (!plans.hasten(by)) return;
      halfDoneBy = by;
      // What was read meanwhile does not have it.
      void writing.run().then(plans.refresh);
    },
    flush: writing.run,
    async close(): Promise<void> {
      await writing.close();
      await writing.run();
    },
  };
}
