/**
 * The valve of intake: it takes deliveries while nobody holds it shut. Each reason holds and lets go for itself, so that
 * none undoes another: what the circuit breaker lets go stays shut while an operator has paused.
 */
import type { Log } from '../runtime/log.ts';
import type { Metrics } from '../runtime/metrics.ts';
import type { Source } from '../broker/source.ts';

/** `trouble`: Temporal or the failure queue takes nothing. `unknown`: what MongoDB says was not read yet. `encryption`:
 * others encrypt, and this process could only write otherwise. */
export const HOLDS = [
  'unknown',
  'paused',
  'encryption',
  'breaker',
  'limits',
  'guard',
  'trouble',
  'stopping',
] as const;
/** These are in the order of things: a limit that is reached holds and lets go every few seconds. */
const USUAL: readonly Hold[] = ['unknown', 'limits', 'stopping'];
export type Hold = (typeof HOLDS)[number];

export interface Valve {
  /** Shuts it, or says anew why it is shut. */
  hold(by: Hold, why: string): void;
  letGo(by: Hold): void;
  /** Who holds it shut, and why. */
  closedBy(): Partial<Record<Hold, string>>;
}

/** @param source null until there is one; told to `attach` it */
export function createValve(
  metrics: Pick<Metrics, 'intakeClosed'>,
  log: Log,
): Valve & { attach(source: Pick<Source, 'pause' | 'resume'>): Promise<void> } {
  const holds = new Map<Hold, string>();
  let source: Pick<Source, 'pause' | 'resume'> | null = null;
  let turning = Promise.resolve();
  for (const by of HOLDS) metrics.intakeClosed.set({ by }, 0);

  /** One after the other: a pause that meets a resume under way would leave a source behind. */
  function turn(): Promise<void> {
    turning = turning.then(() => (holds.size > 0 ? source?.pause() : source?.resume()));
    return turning;
  }

  return {
    hold(by, why) {
      const isNew = !holds.has(by);
      holds.set(by, why);
      if (!isNew) return;
      metrics.intakeClosed.set({ by }, 1);
      if (USUAL.includes(by)) log.debug({ by, why }, 'Intake takes nothing for now');
      else log.warn({ by, why }, 'Intake takes nothing for now');
      void turn();
    },
    letGo(by) {
      if (!holds.delete(by)) return;
      metrics.intakeClosed.set({ by }, 0);
      const still = [...holds.keys()];
      if (!USUAL.includes(by)) {
        log.info({ by, still }, still.length > 0 ? 'Intake is still closed' : 'Intake takes again');
      }
      void turn();
    },
    closedBy: () => Object.fromEntries(holds),
    attach(created) {
      source = created;
      return turn();
    },
  };
}
