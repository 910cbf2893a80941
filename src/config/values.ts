// The kinds of value a configuration holds. The message of every check is the text that completes "expected …",
// because a fault is printed as "expected <message>, got <value>".
import ms from 'ms';
import { z } from 'zod';
import { isDuration, milliseconds } from '../runtime/duration.ts';

export function whole(min: number, max: number) {
  const expected = `a whole number from ${min} to ${max}`;
  return z.int(expected).min(min, expected).max(max, expected);
}

/** A TCP port; 0 lets the system choose one, as tests do. */
export const port = () => whole(0, 65_535);

export function word<const Words extends readonly [string, ...string[]]>(words: Words) {
  return z.enum(words, `one of ${words.join(', ')}`);
}

export const flag = () => z.boolean('true or false');

/** Text of 1 to `max` characters without control characters, narrowed by `pattern` where given. */
export function text(expected: string, max: number, pattern = /^/) {
  const full = `${expected} (1 to ${max} characters)`;
  return z
    .string(full)
    .min(1, full)
    .max(max, full)
    .refine((value) => !/\p{Cc}/u.test(value) && pattern.test(value), full);
}

/** A duration with its unit, such as `20 ms`, `10s`, `1h` or `7d`; resolves to whole milliseconds. */
export function duration(min: ms.StringValue, max: ms.StringValue) {
  const expected = `a duration with its unit from ${min} to ${max}, such as 20ms, 10s, 1h or 7d`;
  return z
    .string(expected)
    .refine(isDuration, { error: expected, abort: true })
    .transform(milliseconds)
    .refine((value) => value >= ms(min) && value <= ms(max), expected)
    .meta({ unit: 'ms' });
}

const SIZE = /^(\d+(?:\.\d+)?)\s*(B|KiB|MiB)?$/;
const SIZE_UNITS: Readonly<Record<string, number>> = { B: 1, KiB: 1024, MiB: 1024 * 1024 };

function readSize(value: string | number): number {
  const [, amount, unit] = SIZE.exec(String(value)) ?? [];
  return Math.round(Number(amount) * (SIZE_UNITS[unit ?? 'B'] ?? NaN));
}

/** A size such as `256KiB`, `1MiB` or a plain number of bytes; resolves to bytes. */
export function size(min: number, max: number) {
  const expected = `a size from ${sizeText(min)} to ${sizeText(max)}, such as 256KiB, 1MiB or a number of bytes`;
  return z
    .union([z.string(), z.number()], expected)
    .transform(readSize)
    .refine((value) => value >= min && value <= max, expected)
    .meta({ unit: 'bytes' });
}

/** Writes bytes the way `size` reads them. */
export function sizeText(bytes: number): string {
  for (const unit of ['MiB', 'KiB'] as const) {
    const amount = bytes / (SIZE_UNITS[unit] ?? 1);
    if (Number.isInteger(amount) && amount > 0) return `${amount}${unit}`;
  }
  return String(bytes);
}

export const name = (expected: string) => text(expected, 200, /^\S+$/);

export const field = () => name('the name of a field');

/** A JSON pointer (RFC 6901) to a value within a document. */
export function idPointer() {
  return text('a JSON pointer such as /id or /data/id', 200, /^(\/([^~/]|~[01])+)+$/);
}

/**
 * For the `when` of a check over several settings: whether these have no fault. Others may have some, so that all faults are told
 * at once.
 */
export const areSound =
  (...settings: string[]) =>
  ({ issues }: z.core.ParsePayload): boolean =>
    !issues.some(({ code, path = [] }) => {
      // A key that nobody knows is no fault of what stands beside it.
      if (code === 'unrecognized_keys') return false;
      const at = path.join('.');
      return settings.some((each) => at === '' || `${each}.`.startsWith(`${at}.`));
    });
