/** Reads control every second, so that nobody asks MongoDB before a request. While it cannot, the last reading holds. */
import { createClock } from '../mongo/clock.ts';
import type { Control } from './control.ts';
import { every } from '../runtime/every.ts';
import type { Log } from '../runtime/log.ts';
import type { Metrics } from '../runtime/metrics.ts';

const MONGODB = { dependency: 'mongodb' };

export type ControlWatch = ReturnType<typeof watchControl>;

/** The reading of every process also tells whether MongoDB can be used: a metric, and no part of `/ready`. */
export function watchControl(
  read: () => Promise<Control>,
  { up }: Pick<Metrics, 'up'>,
  log: Log,
  eachMs = 1_000,
) {
  const listeners = new Set<(control: Control) => void>();
  const clock = createClock();
  let control: Control | null = null;

  async function readAgain(): Promise<void> {
    control = await read().catch((error: unknown) => {
      up.set(MONGODB, 0);
      throw error;
    });
    up.set(MONGODB, 1);
    clock.set(control.now);
    for (const listener of listeners) listener(control);
  }
  const reading = every(eachMs, readAgain, log, {
    runbook: 'mongodb-away',
    failed: 'Cannot read pause and limits from MongoDB: the last known ones stay in force',
    again: 'Pause and limits can be read again',
  });
  return {
    /** null until it was read for the first time. */
    current: (): Control | null => control,
    /** The clock of MongoDB, as far as it is known here; epoch ms. */
    now: () => clock.now(),
    /** Reads again. Never throws. */
    refresh: reading.run,
    /** @param until aborted when the listener is to hear no more */
    onRead(listener: (control: Control) => void, until?: AbortSignal): void {
      listeners.add(listener);
      until?.addEventListener('abort', () => listeners.delete(listener), { once: true });
      if (control !== null) listener(control);
    },
    close: reading.close,
  };
}
