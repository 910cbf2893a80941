/** Values of a JSON text as they are written there: `JSON.parse` rounds numbers, and keeps the last of two equal keys. */

export type Found =
  { kind: 'found'; raw: string } | { kind: 'absent' } | { kind: 'twice'; pointer: string };

/** The names that a JSON pointer (RFC 6901) leads through. */
export const stepsOf = (pointer: string): string[] =>
  pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));

/** The text of the value at the pointer. @param text that `JSON.parse` reads */
export function findRaw(text: string, pointer: string): Found {
  let raw = text.trim();
  let way = '';
  for (const step of stepsOf(pointer)) {
    way += `/${step.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    const [value, ...more] = valuesOf(raw, step);
    if (value === undefined) return { kind: 'absent' };
    if (more.length > 0) return { kind: 'twice', pointer: way };
    raw = value;
  }
  return { kind: 'found', raw };
}

/** What stands under the name in the object, or at the index in the list, that the text is. */
function valuesOf(text: string, name: string): string[] {
  const isObject = text.startsWith('{');
  if (!isObject && !text.startsWith('[')) return [];
  const found: string[] = [];
  let at = next(text, 1);
  for (let index = 0; at < text.length - 1; index += 1) {
    let key = String(index);
    if (isObject) {
      const end = endOf(text, at);
      key = textOf(text.slice(at, end));
      at = next(text, next(text, end) + 1); // over the colon
    }
    const end = endOf(text, at);
    if (key === name) found.push(text.slice(at, end));
    at = next(text, next(text, end) + 1); // over the comma
  }
  return found;
}

/** The text that a JSON string stands for. */
export const textOf = (raw: string): string => String(JSON.parse(raw));

/** Where something else than a blank stands, from there on. */
function next(text: string, from: number): number {
  let at = from;
  while (at < text.length && ' \t\r\n'.includes(text.charAt(at))) at += 1;
  return at;
}

function endOf(text: string, from: number): number {
  const first = text.charAt(from);
  if (first === '"') return endOfString(text, from);
  let at = from;
  if (first !== '{' && first !== '[') {
    while (at < text.length && !' \t\r\n,]}'.includes(text.charAt(at))) at += 1;
    return at;
  }
  let depth = 0;
  do {
    const c = text.charAt(at);
    if (c === '"') at = endOfString(text, at);
    else {
      if (c === '{' || c === '[') depth += 1;
      else if (c === '}' || c === ']') depth -= 1;
      at += 1;
    }
  } while (depth > 0);
  return at;
}

function endOfString(text: string, from: number): number {
  let at = from + 1;
  while (text.charAt(at) !== '"') at += text.charAt(at) === '\\' ? 2 : 1;
  return at + 1;
}

/**
 * A JSON text with an id in the place of `{id}`, within text or as a number; null for an id that is no number, where one stands.
 */
export function jsonWith(template: string, id: string): string | null {
  const isMeant = isJson(template.replace('{id}', 'a')) || /^(0|-?[1-9]\d*)$/.test(id);
  return isMeant ? template.replace('{id}', () => JSON.stringify(id).slice(1, -1)) : null;
}

export function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
