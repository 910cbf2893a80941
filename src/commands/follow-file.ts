/** Follows a file that says what runs: each change of it is done, and one with a fault is told once, and tried until it goes. */
import { ConfigError } from '../config/faults.ts';
import { every } from '../runtime/every.ts';
import { versionOf } from '../runtime/file-version.ts';
import { errorFacts, type Log } from '../runtime/log.ts';
import { CommandError } from './exit.ts';

const LOOK_MS = 1_000;

/** @param apply reads the file, and does what it says; where it throws ConfigError or CommandError nothing was changed */
export function followFile(file: string, apply: () => Promise<void>, log: Log) {
  // Applied once at the beginning: perhaps it was changed while everything started.
  let done: string | null = null;
  let faulty: string | null = null;

  async function look(): Promise<void> {
    const now = versionOf(file);
    if (now === done) return;
    try {
      await apply();
    } catch (error) {
      if (faulty !== now) tell(error);
      faulty = now;
      return;
    }
    if (faulty !== null) log.info({}, `${file} is followed again`);
    faulty = null;
    done = now;
  }

  function tell(error: unknown): void {
    if (error instanceof ConfigError || error instanceof CommandError)
      log.error(
        { runbook: 'files-stay', faults: error.message },
        `${file} has faults: the folders stay as they were`,
      );
    else
      log.warn(
        { runbook: 'files-stay', ...errorFacts(error) },
        `${file} was changed, and not all of it can be done: it is tried again`,
      );
  }

  return every(LOOK_MS, look, log, {
    runbook: 'files-stay',
    failed: `${file} cannot be followed`,
    again: `${file} can be followed again`,
  });
}
