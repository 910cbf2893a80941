/** The message of a registration: a JSON object with its id. The legacy system gets the original bytes. */
export interface ParseRules {
  idField: string;
  maxIdBytes: number;
  maxMessageBytes: number;
  maxDepth: number;
}

type Parsed = { ok: true; id: string } | { ok: false; reason: string };

const malformed = (reason: string): Parsed => ({ ok: false, reason });

/** Never throws. The reason tells nothing of the message's content. */
export function parseRegistration(body: Uint8Array, rules: ParseRules): Parsed {
  if (body.length === 0) return malformed('empty message');
  if (body.length > rules.maxMessageBytes) {
    return malformed(`too large: ${body.length} bytes, at most ${rules.maxMessageBytes}`);
  }
  let text: string;
  try {
    // A lenient decoder would write U+FFFD, and file something else than was sent.
    text = new TextDecoder('utf-8', { fatal: true }).decode(body);
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
  // Readers of JSON differ in which of the two they take: it could be filed under the other one.
  if (timesGiven(text, rules.idField) > 1) return malformed(`"${rules.idField}" is given twice`);
  return parseId(Object.entries(value).find(([key]) => key === rules.idField)?.[1], rules);
}

function parseId(id: unknown, rules: ParseRules): Parsed {
  const field = rules.idField;
  if (id === undefined) return malformed(`no "${field}"`);
  if (typeof id !== 'string')
    return malformed(`"${field}": expected a string, got ${describe(id)}`);
  if (id.trim() === '') return malformed(`"${field}" is empty`);
  if (hasControlOrLoneSurrogate(id))
    return malformed(`"${field}" has characters that are not text`);
  const bytes = new TextEncoder().encode(id).length;
  if (bytes > rules.maxIdBytes) {
    return malformed(`"${field}" is too long: ${bytes} bytes, at most ${rules.maxIdBytes}`);
  }
  return { ok: true, id };
}

const describe = (value: unknown): string =>
  value === null ? 'null' : Array.isArray(value) ? 'an array' : `a ${typeof value}`;

/** A control character or half of a surrogate pair: ids end in keys, workflow ids and URLs, where neither can go. */
function hasControlOrLoneSurrogate(text: string): boolean {
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    if (code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0xd800 && code <= 0xdfff)) {
      return true;
    }
  }
  return false;
}

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

/** How often a key stands in the object that a JSON text is: JSON.parse would not tell. */
function timesGiven(text: string, key: string): number {
  let depth = 0;
  let times = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 0x7b || c === 0x5b) depth++;
    else if (c === 0x7d || c === 0x5d) depth--;
    else if (c === 0x22) {
      const start = i++;
      while (text.charCodeAt(i) !== 0x22) i += text.charCodeAt(i) === 0x5c ? 2 : 1;
      if (depth !== 1 || !isBeforeColon(text, i + 1)) continue;
      const name = text.slice(start, i + 1);
      // Letters can be written as escapes, so that the text of a key is not yet the key.
      if (name === `"${key}"` || (name.includes('\\') && JSON.parse(name) === key)) times++;
    }
  }
  return times;
}

function isBeforeColon(text: string, at: number): boolean {
  let i = at;
  while (' \t\r\n'.includes(text.charAt(i)) && i < text.length) i++;
  return text.charAt(i) === ':';
}
