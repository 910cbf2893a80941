/** The message of a registration: a JSON object with its id. The legacy system gets the original bytes. */
import { findRaw, textOf } from '../json-text.ts';
import { ID_FORMS, isWholeNumber, plainId, type IdType } from './id-type.ts';

export interface ParseRules {
  id: string;
  matchType: IdType;
  maxIdBytes: number;
  maxMessageBytes: number;
  maxDepth: number;
}

/** `writtenId`: as the message has it, where that is another text. */
type Parsed = { ok: true; id: string; writtenId?: string } | { ok: false; reason: string };

const strict = new TextDecoder('utf-8', { fatal: true });
const utf8 = new TextEncoder();

const malformed = (reason: string): Parsed => ({ ok: false, reason });

/** Never throws. The reason tells nothing of the message's content. */
export function parseRegistration(body: Uint8Array, rules: ParseRules): Parsed {
  if (body.length === 0) return malformed('empty message');
  if (body.length > rules.maxMessageBytes) {
    return malformed(`too large: ${body.length} bytes, at most ${rules.maxMessageBytes}`);
  }
  let text: string;
  try {
    // A lenient one would write U+FFFD, and file something else than was sent.
    text = strict.decode(body);
  } catch {
    return malformed('not valid UTF-8');
  }
  // JSON.parse takes a million nested arrays, but later readers of the result overflow their stack.
  if (nesting(text) > rules.maxDepth) return malformed(`nested deeper than ${rules.maxDepth}`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return malformed('not JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return malformed(`expected a JSON object, got ${describe(value)}`);
  }
  return readId(text, rules);
}

/**
 * A number is an id as it is written, digit by digit, so that 7 and "7" are one id. Only in one way: to a reader of numbers
 * 7.0, 7e0 and 7 are the same.
 */
function readId(text: string, rules: ParseRules): Parsed {
  const found = findRaw(text, rules.id);
  // Readers of JSON differ in which of the two they take: it could be filed under the other one.
  if (found.kind === 'twice') return malformed(`"${found.pointer}" is given twice`);
  if (found.kind === 'absent') return malformed(`no "${rules.id}"`);
  const { raw } = found;
  if (raw.startsWith('"')) return checkId(textOf(raw), rules);
  if (isWholeNumber(raw)) return checkId(raw, rules);
  const value: unknown = JSON.parse(raw);
  const got = typeof value === 'number' ? 'another number' : describe(value);
  return malformed(`"${rules.id}": expected a text or a whole number in digits, got ${got}`);
}

function checkId(id: string, rules: ParseRules): Parsed {
  const field = rules.id;
  if (id.trim() === '') return malformed(`"${field}" is empty`);
  if (NOT_TEXT.test(id)) return malformed(`"${field}" has characters that are not text`);
  const bytes = utf8.encode(id).length;
  if (bytes > rules.maxIdBytes) {
    return malformed(`"${field}" is too long: ${bytes} bytes, at most ${rules.maxIdBytes}`);
  }
  const { isMet, expected } = ID_FORMS[rules.matchType];
  if (isMet(id)) {
    const plain = plainId(id, rules.matchType);
    return { ok: true, id: plain, ...(plain === id ? {} : { writtenId: id }) };
  }
  return malformed(`"${field}": expected ${expected} (mongodb.matchType: ${rules.matchType})`);
}

const describe = (value: unknown): string =>
  value === null ? 'null' : Array.isArray(value) ? 'an array' : `a ${typeof value}`;

/** Control characters and halves of surrogate pairs: ids end in keys, workflow ids and URLs, where neither can go. */
const NOT_TEXT = /[\p{Cc}\p{Cs}]/u;

/** The deepest nesting of arrays and objects in a JSON text, without parsing it. */
function nesting(text: string): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (inString) {
      if (c === 0x5c) i++;
      else if (c === 0x22) inString = false;
    } else if (c === 0x22) inString = true;
    else if (c === 0x5b || c === 0x7b) deepest = Math.max(deepest, ++depth);
    else if (c === 0x5d || c === 0x7d) depth--;
  }
  return deepest;
}
