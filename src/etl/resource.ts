/**
 * What a resource must be, by the contract of the example program: every key but `retries` is there, `creation_date` is a date with a
 * time, `tags` is a list. As that program does, a number or a boolean is taken for a text where a text belongs; `strict` refuses it. Pure.
 */
import { valueAtPointer } from '../domain/registrations/json-values.ts';
import { isoDate, unixDate } from './dates.ts';

export interface Resource {
  id: string;
  source: string;
  title: string;
  creation_date: string;
  message: string;
  tags: string[];
  author: string;
}

export type ReadResource =
  /** `coerced`: pointers to what was of another type. */
  | { ok: true; resource: Resource; coerced: string[] }
  /** The faults, with pointers and without the values, which may be personal. */
  | { ok: false; errors: string[] };

/** @param text valid JSON; of numbers it is read as they are written */
export function readResource(value: unknown, text: string, strict: boolean): ReadResource {
  if (!isObject(value)) return { ok: false, errors: [`expected an object, got ${kindOf(value)}`] };
  const errors: string[] = [];
  const coerced: string[] = [];
  /** Read once, however many they are. */
  let numbers: unknown = null;

  const fault = (pointer: string, expected: string, got: unknown): string => {
    errors.push(
      `${pointer}: expected ${expected}, got ${got === undefined ? 'nothing' : kindOf(got)}`,
    );
    return '';
  };

  function textAt(pointer: string, found: unknown): string {
    if (typeof found === 'string') return found;
    if (strict || (typeof found !== 'number' && typeof found !== 'boolean'))
      return fault(pointer, 'a text', found);
    coerced.push(pointer);
    if (typeof found === 'boolean') return found ? 'True' : 'False';
    numbers ??= JSON.parse(text, asWritten);
    return asText(found, String(valueAtPointer(numbers, pointer)));
  }

  function dateAt(pointer: string, found: unknown): string {
    const expected = 'a date with a time such as 2020-01-01T17:16:52';
    const number = strict ? null : numberIn(found);
    if (number !== null) coerced.push(pointer);
    const date =
      number === null ? isoDate(typeof found === 'string' ? found : '') : unixDate(number);
    if (date !== null) return date;
    if (typeof found !== 'string') return fault(pointer, expected, found);
    errors.push(`${pointer}: expected ${expected}, got ${JSON.stringify(found.slice(0, 40))}`);
    return '';
  }

  function tagsAt(pointer: string, found: unknown): string[] {
    if (!Array.isArray(found)) fault(pointer, 'a list', found);
    const tags: unknown[] = Array.isArray(found) ? found : [];
    return tags.map((tag, n) => textAt(`${pointer}/${n}`, tag));
  }

  const own = (key: string): unknown => (Object.hasOwn(value, key) ? value[key] : undefined);
  const resource = {
    id: textAt('/id', own('id')),
    source: textAt('/source', own('source')),
    title: textAt('/title', own('title')),
    creation_date: dateAt('/creation_date', own('creation_date')),
    message: textAt('/message', own('message')),
    tags: tagsAt('/tags', own('tags')),
    author: textAt('/author', own('author')),
  };
  return errors.length > 0
    ? { ok: false, errors: told(errors) }
    : { ok: true, resource, coerced: told(coerced) };
}

const MOST_TOLD = 20;

/** A list of tags may have one for every other byte. */
const told = (all: string[]): string[] =>
  all.length <= MOST_TOLD
    ? all
    : [...all.slice(0, MOST_TOLD), `and ${all.length - MOST_TOLD} more`];

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const KINDS: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  boolean: 'true or false',
  object: 'an object',
};

const kindOf = (value: unknown): string =>
  value === null ? 'null' : Array.isArray(value) ? 'a list' : (KINDS[typeof value] ?? 'nothing');

/** Numbers are dates, and texts that Python's `float` reads as one. */
function numberIn(value: unknown): number | null {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string' || !/^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i.test(value))
    return null;
  return Number(value);
}

/** A number as it is written: `JSON.parse` rounds. */
const asWritten = (_: string, value: unknown, context?: { source?: string }): unknown =>
  typeof value === 'number' ? (context?.source ?? String(value)) : value;

/** As Python's `str` has it. */
const asText = (value: number, written: string): string =>
  /^-?\d+$/.test(written) ? String(BigInt(written)) : floatText(value);

/** Python and JavaScript find the same shortest digits, and write them differently. */
function floatText(value: number): string {
  if (!Number.isFinite(value)) return value < 0 ? '-inf' : 'inf';
  if (Object.is(value, -0)) return '-0.0';
  const [digits = '', exponent = '0'] = value.toExponential().split('e');
  const power = Number(exponent);
  if (value !== 0 && (power < -4 || power >= 16))
    return `${digits}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
  const plain = power < -6 ? value.toFixed(20) : String(value);
  return plain.includes('.') ? plain : `${plain}.0`;
}
