/** Options that several commands have, and readers of values: what they refuse, commander reports with exit code 2. */
import { userInfo } from 'node:os';
import { InvalidArgumentError, Option, type Command } from 'commander';
import ms from 'ms';
import type { Said } from '../operations/said.ts';
import { CommandError, EXIT } from './exit.ts';

export const wholeNumber =
  (min: number, max: number = Number.MAX_SAFE_INTEGER) =>
  (text: string): number => {
    const value = Number(text);
    if (!/^-?\d+$/.test(text) || value < min || value > max) {
      const bounds =
        max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
      throw new InvalidArgumentError(`Expected a whole number ${bounds}.`);
    }
    return value;
  };

export function positive(text: string): number {
  const value = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || value <= 0) {
    throw new InvalidArgumentError('Expected a number above 0, such as 50.');
  }
  return value;
}

export function share(text: string): number {
  const value = Number(text);
  if (!/^\d*\.?\d+$/.test(text) || value > 1) {
    throw new InvalidArgumentError('Expected a share from 0 to 1, such as 0.02.');
  }
  return value;
}

const isDuration = (text: string): text is ms.StringValue => /^\d+(\.\d+)?(ms|s|m|h|d)$/.test(text);

/** A duration with its unit, such as `500ms` or `20s`, in milliseconds. */
export function duration(text: string): number {
  if (!isDuration(text)) {
    throw new InvalidArgumentError('Expected a duration with its unit, such as 500ms, 20s or 5m.');
  }
  return Math.round(ms(text));
}

/** @param standard shown as it is written here: in milliseconds nobody would recognize it */
export const timeOption = (flags: string, says: string, standard: string): Option =>
  new Option(flags, says).argParser(duration).default(duration(standard), standard);

/** A list that is empty unless something is given, which is no default to be shown. */
export const listOption = (flags: string, says: string): Option =>
  new Option(flags, says)
    .argParser((each: string, before: string[]) => [...before, each])
    .default([], 'none');

export interface Range {
  minMs: number;
  maxMs: number;
}

/** `10s..20s`, or one duration for both ends. */
export function durationRange(text: string): Range {
  const [from = '', to = from, ...more] = text.split('..');
  const range = { minMs: duration(from), maxMs: duration(to) };
  if (more.length > 0 || range.minMs > range.maxMs) {
    throw new InvalidArgumentError(
      'Expected two durations, the smaller one first, such as 10s..20s.',
    );
  }
  return range;
}

export const oneOf =
  <const Word extends string>(words: readonly Word[]) =>
  (text: string): Word => {
    const found = words.find((word) => word === text);
    if (found === undefined) throw new InvalidArgumentError(`Expected one of ${words.join(', ')}.`);
    return found;
  };

export interface SaidOptions {
  operator?: string | undefined;
  reason?: string | undefined;
}

const WHY = 'why; kept with the action';

export const addOperator = (command: Command): Command =>
  command.option('--operator <name>', 'who says so (default: your user name)');

export const addSaid = (command: Command): Command =>
  addOperator(command.option('--reason <text>', WHY));

/** Where `--reason` chooses already. */
export const addBecause = (command: Command): Command =>
  addOperator(command.option('--because <text>', WHY));

export const saidIn = ({ operator = userName(), reason }: SaidOptions): Said => ({
  by: operator,
  reason: reason ?? null,
});

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    throw new CommandError('This user has no name: say who it is with --operator', EXIT.usage);
  }
}
