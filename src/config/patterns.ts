/**
 * Patterns of the configuration, matched on text that a foreign system chose. RE2 matches them, since its time grows with the
 * length of the text and no faster, whatever the pattern: JavaScript's own may take for ever.
 */
import { RE2JS } from 're2js';

/** Whether RE2 can read it, and it says how a text begins and ends. */
export const isPattern = (pattern: string): boolean => groupsOf(pattern) !== null;

/** Whether it has one group besides. */
export const isFinder = (pattern: string): boolean => groupsOf(pattern) === 1;

/** Whether a text is like it from its beginning to its end. */
export function matcher(pattern: string): (text: string) => boolean {
  const read = compiled(pattern);
  return (text) => read.testExact(text);
}

/** What stands in its group, in a text that is like it from its beginning to its end. */
export function finder(pattern: string): (text: string) => string | null {
  const read = compiled(pattern);
  return (text) => {
    const found = read.matcher(text);
    return found.matches() ? found.group(1) : null;
  };
}

function groupsOf(pattern: string): number | null {
  try {
    return /^\^.*\$$/s.test(pattern) ? compiled(pattern).groupCount() : null;
  } catch {
    return null;
  }
}

const compiled = (pattern: string): RE2JS => RE2JS.compile(RE2JS.translateRegExp(pattern));
