/**
 * Keeps in mind what `despachante_control` says, read again every second: nobody asks MongoDB before a request. While it cannot be
 * read, what was read last holds.
 */
import { createClock } from '../mongo/clock.ts';
import type { Control } from './control.ts';
import { every } from '../runtime/every.ts';
import type { Log } from '../runtime/log.ts';

export interface ControlWatch {
  /** null until it was read for the first time. */
  current(): Control | null;
  /** The clock of MongoDB, as far as it is known here; epoch ms. */
  now(): number;
  /** Reads again. Never throws. */
  refresh(): Promise<void>;
  /** Called after each reading. */
  onRead(listener: (control: Control) => void): void;
  close(): Promise<void>;
}

export function watchControl(read: () => Promise<Control>, log: Log, eachMs = 1_000): ControlWatch {
  const listeners: ((control: Control) => void)[] = [];
  const clock = createClock();
  let control: Control | null = null;

  async function readAgain(): Promise<void> {
    control = await read();
    clock.set(control.now);
    for (const listener of listeners) listener(control);
  }
  const reading = every(eachMs, readAgain, log, {
    failed: 'Cannot read what operators have said: the last that was read holds',
    again: 'What operators have said can be read again',
  });
  return {
    current: () => control,
    now: () => clock.now(),
    refresh: reading.run,
    onRead(listener) {
      listeners.push(listener);
      if (control !== null) listener(control);
    },
    close: reading.close,
  };
}
