/**
 * What counts as a request id: `legacy.requestIdPattern` decides, on a text that a foreign system chose. RE2 matches it, since its
 * time grows with the length of the text and no faster, whatever the pattern: JavaScript's own may take for ever.
 */
import { RE2JS } from 're2js';
import { pathWith } from '../domain/path.ts';

type Setting = 'requestIdPattern' | 'statusPath';

/** Longer ones fit into no path that servers take. */
const LONGEST = 1_000;

/** Whether a text is a request id from its beginning to its end, and may be a step of a path, whatever the pattern leaves open. */
export function requestIdReader({ requestIdPattern, statusPath }: Record<Setting, string>) {
  const pattern = compiled(requestIdPattern);
  return (text: string): boolean =>
    text.length <= LONGEST && pattern.testExact(text) && pathWith(statusPath, text) !== null;
}

/** Whether RE2 can read it. */
export function isRequestIdPattern(pattern: string): boolean {
  try {
    return /^\^.*\$$/s.test(pattern) && compiled(pattern).pattern() !== '';
  } catch {
    return false;
  }
}

const compiled = (pattern: string): RE2JS => RE2JS.compile(RE2JS.translateRegExp(pattern));
