/**
 * Keeps in mind what `despachante_control` says, read again every second: nobody asks MongoDB before a request. While it cannot be
 * read, what was read last holds.
 */
import { createClock } from '../mongo/clock.ts';
import type { Control } from './control.ts';
import { errorFacts } from '../runtime/log.ts';
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
  let isFailing = false;
  let reading: Promise<void> | null = null;

  async function readAgain(): Promise<void> {
    try {
      control = await read();
      clock.set(control.now);
      if (isFailing) log.info({}, 'What operators have said can be read again');
      isFailing = false;
      for (const listener of listeners) listener(control);
    } catch (error) {
      const sentence = 'What operators have said cannot be read: what was known stays';
      if (!isFailing) log.warn(errorFacts(error), sentence);
      isFailing = true;
    }
  }
  const refresh = (): Promise<void> => (reading ??= readAgain().finally(() => (reading = null)));
  const timer = setInterval(() => void refresh(), eachMs);
  timer.unref();
  return {
    current: () => control,
    now: () => clock.now(),
    refresh,
    onRead(listener) {
      listeners.push(listener);
      if (control !== null) listener(control);
    },
    async close() {
      clearInterval(timer);
      await reading;
    },
  };
}
