/** An element of a list: what it is, and the line of `errors.ndjson` for one that failed. Such a line is an element, too. */
import { findRaw, isJson } from '../domain/json-text.ts';
import { readResource, type ReadResource } from './resource.ts';

/** Of a line of `errors.ndjson`, in this order. */
const LINE = ['index', 'offset', 'id', 'class', 'errors', 'attempts', 'item'];

export type Read = ReadResource | { ok: false; errors: string[]; isTooLarge: true };

/** @param size of an element whose bytes are left out, since they are too many */
export function readElement(bytes: Buffer, strict: boolean, tooLarge: number | null): Read {
  if (tooLarge !== null)
    return {
      ok: false,
      errors: [`it has ${tooLarge} bytes, which are too many`],
      isTooLarge: true,
    };
  const text = textOf(bytes);
  if (text === null) return { ok: false, errors: ['it is not UTF-8'] };
  try {
    const value: unknown = JSON.parse(text);
    return readResource(...itemOf(value, text), strict);
  } catch (error) {
    const why =
      error instanceof SyntaxError ? withoutText(error.message) : 'it is nested too deeply';
    return { ok: false, errors: [`it is not JSON: ${why}`] };
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function textOf(bytes: Buffer): string | null {
  try {
    return decoder.decode(bytes);
  } catch {
    return null;
  }
}

/** V8 quotes the text, which may be personal. */
const withoutText = (message: string): string =>
  /position \d+/.exec(message)?.[0] ?? 'it ends too early, or a sign is missing';

/** What stands in a line of errors that is fed in again, or the value itself. */
function itemOf(value: unknown, text: string): [value: unknown, text: string] {
  const isLine =
    typeof value === 'object' &&
    value !== null &&
    'item' in value &&
    Object.keys(value).join() === LINE.join();
  if (!isLine) return [value, text];
  const found = findRaw(text, '/item');
  return [value.item, found.kind === 'found' ? found.raw : 'null'];
}

export interface Failed {
  index: number;
  offset: number;
  /** `invalid`, `too-large`, `exhausted`, or the word of the process for it. */
  class: string;
  errors: readonly string[];
  attempts: number;
  /** Null where it was too large. */
  bytes: Buffer | null;
}

export function errorLine({ index, offset, class: own, errors, attempts, bytes }: Failed): string {
  const raw = bytes === null ? 'null' : rawItem(bytes);
  const facts = { index, offset, id: idIn(raw), class: own, errors, attempts };
  return `${JSON.stringify(facts).slice(0, -1)},"item":${raw}}`;
}

/** Its own text where it is JSON, so that no number is rounded; else that text as a JSON string. */
function rawItem(bytes: Buffer): string {
  const text = bytes.toString('utf8');
  if (!isJson(text)) return JSON.stringify(text);
  const value: unknown = JSON.parse(text);
  // Breaks of lines stand between values only.
  return itemOf(value, text)[1].replace(/[\r\n]+/g, ' ');
}

function idIn(raw: string): unknown {
  const value: unknown = JSON.parse(raw);
  const id = typeof value === 'object' && value !== null && 'id' in value ? value.id : null;
  return typeof id === 'string' || typeof id === 'number' ? id : null;
}
