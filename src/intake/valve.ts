/** Deliveries come while nobody holds the valve shut. Each reason lets go for itself: a pause holds when the breaker lets go. */
import type { Log } from '../runtime/log.ts';
import type { Metrics } from '../runtime/metrics.ts';
import type { Source } from '../broker/source.ts';

/** Those that all processes know. */
export const SHARED_HOLDS = ['paused', 'breaker', 'limits', 'guard'] as const;

/**
 * `trouble`: Temporal or the failure queue takes nothing. `unknown`: control was not read yet. `encryption`: others encrypt
 * otherwise than this process. `backlog`: so many items are open that more would only wait in Temporal.
 */
export const HOLDS = [
  ...SHARED_HOLDS,
  'backlog',
  'unknown',
  'encryption',
  'trouble',
  'stopping',
] as const;
/** Normal, and frequent: a limit that is reached holds and lets go every few seconds. */
const USUAL: readonly Hold[] = ['unknown', 'limits', 'backlog', 'stopping'];
export type Hold = (typeof HOLDS)[number];

export type Valve = ReturnType<typeof createValve>;

/** @param source its name, for people */
export function createValve(
  metrics: Pick<Metrics, 'intakeClosed'>,
  log: Pick<Log, 'debug' | 'info' | 'warn'>,
  source: string,
) {
  const holds = new Map<Hold, string>();
  let tap: Pick<Source, 'pause' | 'resume'> | null = null;
  let turning = Promise.resolve();
  let isForgotten = false;
  for (const by of HOLDS) metrics.intakeClosed.set({ source, by }, 0);

  /** One after the other: a pause that meets a resume under way would leave a source behind. */
  function turn(): Promise<void> {
    turning = turning.then(() => (holds.size > 0 ? tap?.pause() : tap?.resume()));
    return turning;
  }

  return {
    /** Shuts it, or says anew why it is shut. */
    hold(by: Hold, why: string): void {
      if (isForgotten) return;
      const isNew = !holds.has(by);
      holds.set(by, why);
      if (!isNew) return;
      metrics.intakeClosed.set({ source, by }, 1);
      if (USUAL.includes(by)) log.debug({ source, by, why }, 'Intake takes nothing for now');
      else log.warn({ runbook: 'nothing-moves', source, by, why }, 'Intake takes nothing for now');
      void turn();
    },
    letGo(by: Hold): void {
      if (isForgotten || !holds.delete(by)) return;
      metrics.intakeClosed.set({ source, by }, 0);
      const still = [...holds.keys()];
      if (!USUAL.includes(by)) {
        log.info(
          { source, by, still },
          still.length > 0 ? 'Intake is still closed' : 'Intake takes again',
        );
      }
      void turn();
    },
    /** Its source is taken from no more: nobody is told of it any longer. */
    forget(): void {
      isForgotten = true;
      for (const by of HOLDS) metrics.intakeClosed.remove({ source, by });
    },
    /** Who holds it shut, and why. */
    closedBy: (): Partial<Record<Hold, string>> => Object.fromEntries(holds),
    attach(created: Pick<Source, 'pause' | 'resume'>): Promise<void> {
      tap = created;
      return turn();
    },
  };
}

/** For people; null when nothing holds it shut. */
export const closedText = (closed: ReturnType<Valve['closedBy']>): string | null =>
  Object.entries(closed)
    .map(([by, why]) => `${by}: ${why}`)
    .join('; ') || null;
