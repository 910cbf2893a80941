/** Reads look-ups by natural key. Pure. "Absent" lets a registration be filed again: only a plainly empty answer says so. */
import { textOf, valueAtPointer } from './json-values.ts';

/** JSON pointers (RFC 6901; "" is the whole). */
export interface LookUpFields {
  /** To the matches: a list, or one object. */
  matches: string;
  /** Within a match: the registration id. Null: every match counts as this registration. */
  key: string | null;
  /** Within a match: its request id. */
  requestId: string;
  /** The one text of those that are one registration id. */
  plain: (id: string) => string;
}

export type Looked =
  | { kind: 'found'; requestId: string; inList: boolean }
  | { kind: 'absent' }
  | { kind: 'ambiguous'; reason: string }
  | { kind: 'unreadable'; reason: string };

const unreadable = (reason: string): Looked => ({ kind: 'unreadable', reason });

/** @param body of a successful answer */
export function readMatches(
  body: unknown,
  id: string,
  { matches, key, requestId, plain }: LookUpFields,
  isRequestId: (text: string) => boolean,
): Looked {
  const there = valueAtPointer(body, matches);
  if (typeof there !== 'object' || there === null)
    return unreadable(`neither a list nor an object at legacy.lookup.matches ("${matches}")`);
  const all: unknown[] = Array.isArray(there) ? there : [there];
  const keys = all.map((match) => (key === null ? id : textOf(valueAtPointer(match, key))));
  if (keys.includes(undefined)) return unreadable(`a match without legacy.lookup.key ("${key}")`);
  const ours = all.filter((_, at) => plain(keys[at] ?? '') === plain(id));
  // Perhaps it knows no such filter, and ours is on another page.
  if (all.length > 0 && ours.length === 0) return unreadable('only other registrations were found');
  const found = new Set(ours.map((match) => textOf(valueAtPointer(match, requestId))));
  const [first] = found;
  if (found.size === 0) return { kind: 'absent' };
  for (const each of found) {
    if (each === undefined || !isRequestId(each))
      return unreadable(`a match without a readable legacy.lookup.requestId ("${requestId}")`);
  }
  if (found.size > 1)
    return { kind: 'ambiguous', reason: `the look-up found it ${found.size} times` };
  return { kind: 'found', requestId: String(first), inList: Array.isArray(there) };
}
