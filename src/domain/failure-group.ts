/** Failures are alike when they have one class, and one reason but for its numbers and ids. */

import { readClaimKey } from './names.ts';

/** Characters that are kept, and read. */
const MOST_TEXT = 160;
const MOST_READ = 1_000;

/** Words, dates, addresses, ids. */
const WORD = /[\p{L}\p{N}_@]+(?:[.,:/-][\p{L}\p{N}_@]+)*/gu;

/** Its number stays: it does not differ from one failure to the next. */
const STATUS = /\bHTTP[ /]?\d{3}\b/;

/** @param names the ids of the failed registration, which are folded, too */
export function foldedReason(reason: string, names: readonly string[]): string {
  const named = names
    .filter((name) => name.length > 2)
    .reduce((text, name) => text.replaceAll(name, '#'), reason.slice(0, MOST_READ));
  const folded = named
    .split(new RegExp(`(${STATUS.source})`))
    .map((part) => (STATUS.test(part) ? part : part.replace(WORD, withoutNumber)))
    .join('')
    .replace(/#(?:[\s,;]*#)+/g, '#')
    .replace(/\s+/g, ' ')
    .trim();
  return [...folded].slice(0, MOST_TEXT).join('');
}

/** The group of a failure. @param claim its key; null for what was no item */
export function groupOf(reason: string | null, claim: string | null, requestId: string | null) {
  const names = [readClaimKey(claim ?? '')?.id, requestId];
  return foldedReason(
    reason ?? '',
    names.filter((name) => typeof name === 'string'),
  );
}

const withoutNumber = (word: string): string => (/\p{N}/u.test(word) ? '#' : word);
