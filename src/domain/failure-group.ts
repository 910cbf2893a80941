/** Which failures are alike: of one class, with one reason but for the numbers and ids in it. */

/** Longer reasons differ in their ends only by what nobody reads in a table. */
const MOST_TEXT = 160;
/** More of a reason is not looked at. */
const MOST_READ = 1_000;

/** Words, and what dots, colons and the like make one of: dates, addresses, ids. */
const WORD = /[\p{L}\p{N}_@]+(?:[.,:/-][\p{L}\p{N}_@]+)*/gu;

/** A status is a class of failures, and no number that differs from one to the next. */
const STATUS = /\bHTTP[ /]?\d{3}\b/;

/** @param names what may stand in the reason as it is: the ids of the one that failed */
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

const withoutNumber = (word: string): string => (/\p{N}/u.test(word) ? '#' : word);
