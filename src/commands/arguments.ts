/** Readers of option values. What they refuse, commander reports with the option's name, and exit code 2. */
import { InvalidArgumentError } from 'commander';
import ms from 'ms';

/** A whole number within bounds, both included. */
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

/** A rate or another number above zero. */
export function positive(text: string): number {
  const value = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || value <= 0) {
    throw new InvalidArgumentError('Expected a number above 0, such as 50.');
  }
  return value;
}

/** A probability. */
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

/** One word of a closed list. */
export const oneOf =
  <const Word extends string>(words: readonly Word[]) =>
  (text: string): Word => {
    const found = words.find((word) => word === text);
    if (found === undefined) throw new InvalidArgumentError(`Expected one of ${words.join(', ')}.`);
    return found;
  };
