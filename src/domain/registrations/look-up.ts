/** Reads look-ups by natural key. Pure. "Absent" lets a registration be filed again: only a plainly empty answer says so. */

import { stepsOf } from '../json-text.ts';

/** JSON pointers (RFC 6901; "" is the whole). */
export interface LookUpFields {
  /** To the matches: a list, or one object. */
  matches: string;
  /** Within a match: the registration id. Null: every match counts as this registration. */
  key: string | null;
  /** Within a match: its request id. */
  requestId: string;
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
  { matches, key, requestId }: LookUpFields,
  isRequestId: (text: string) => boolean,
): Looked {
  const there = valueAtPointer(body, matches);
  if (typeof there !== 'object' || there === null)
    return unreadable(`neither a list nor an object at legacy.lookup.matches ("${matches}")`);
  const all: unknown[] = Array.isArray(there) ? there : [there];
  const keys = all.map((match) => (key === null ? id : valueAtPointer(match, key)));
  if (keys.some((each) => typeof each !== 'string' && typeof each !== 'number'))
    return unreadable(`a match without legacy.lookup.key ("${key}")`);
  const ours = all.filter((_, at) => String(keys[at]) === id);
  // Perhaps it knows no such filter, and ours is on another page.
  if (all.length > 0 && ours.length === 0) return unreadable('only other registrations were found');
  const found = new Set(ours.map((match) => valueAtPointer(match, requestId)));
  const [first] = found;
  if (found.size === 0) return { kind: 'absent' };
  for (const each of found) {
    if (typeof each !== 'string' || !isRequestId(each))
      return unreadable(`a match without a readable legacy.lookup.requestId ("${requestId}")`);
  }
  if (found.size > 1)
    return { kind: 'ambiguous', reason: `the look-up found it ${found.size} times` };
  return { kind: 'found', requestId: String(first), inList: Array.isArray(there) };
}

export function valueAtPointer(document: unknown, pointer: string): unknown {
  return stepsOf(pointer).reduce<unknown>((value, name) => {
    if (typeof value !== 'object' || value === null) return undefined;
    if (Array.isArray(value)) return /^(0|[1-9]\d*)$/.test(name) ? value[Number(name)] : undefined;
    return Object.entries(value).find(([key]) => key === name)?.[1];
  }, document);
}
