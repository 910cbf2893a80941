/** What every command shares: the configuration, how it prints, how it ends. */
import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import { loadConfig, type LoadedConfig } from '../config/load.ts';
import { jsonText, onScreen } from '../runtime/foreign-text.ts';
import type { Log } from '../runtime/log.ts';
import type { Announcement } from '../runtime/child.ts';
import { EXIT } from './exit.ts';
import { isColoured, line, paint } from './table.ts';

/** The options that stand before the command as well as after it. */
const globals = (command: Command): { config?: string; json?: boolean } =>
  command.optsWithGlobals();

export const isJson = (command: Command): boolean => globals(command).json === true;

/** @param more variables beside those of the process. @throws ConfigError with all faults at once */
export const load = (command: Command, more: Record<string, string> = {}): LoadedConfig =>
  loadConfig({ file: globals(command).config, more });

/** For people: whatever foreign text is in it cannot steer the terminal. */
export const print = (text: string): void =>
  void process.stdout.write(`${onScreen(text, isColoured())}\n`);
/** For programs: they read the very same value. */
export const printJson = (value: unknown, space = 2): void =>
  void process.stdout.write(`${jsonText(JSON.stringify(value, null, space))}\n`);
/** @param next the command that one usually types then; shown on a terminal alone */
export function answer(
  command: Command,
  facts: unknown,
  text: () => string,
  next: string | null = null,
): void {
  if (isJson(command)) return printJson(facts);
  print(text());
  if (next !== null && process.stdout.isTTY) print(paint.dim(`Next: ${next}`));
}

export async function isYes(question: string): Promise<boolean> {
  const asking = createInterface({ input: process.stdin, output: process.stderr });
  const said = await asking.question(`${line(question)} [y/N] `).finally(() => asking.close());
  return /^y(es)?$/i.test(said.trim());
}

/** To stderr, beside what a command prints. */
export const tell = (text: string): void =>
  void process.stderr.write(`${onScreen(text, process.stderr.isTTY)}\n`);

/** Tells the process that started us that we are up, and where; does nothing when nobody waits to hear it. */
export const announce = (facts: Announcement): void => void process.send?.(facts);

/**
 * Resolves at the first SIGINT or SIGTERM; the second ends the process at once, since whoever sends it does not want to
 * wait for what is still to be finished. For a process that `start` began, the end of `start` is such a signal.
 */
export function untilSignal(log: Log): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let since: number | null = null;
    const on = (signal: NodeJS.Signals): void => {
      // npm and the terminal may both pass the same Ctrl-C on: that is one word, not two.
      if (since !== null && performance.now() - since < 1_000) return;
      if (since !== null) process.exit(EXIT.failed);
      since = performance.now();
      log.info({ signal }, 'Stopping: taking nothing more, finishing the work at hand');
      resolve(signal);
    };
    process.on('SIGINT', on).on('SIGTERM', on);
    // Whoever started us is gone without a word: nobody else would ever stop us.
    process.once('disconnect', () => on('SIGTERM'));
  });
}
