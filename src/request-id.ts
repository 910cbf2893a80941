/**
 * What counts as a request id: `legacy.requestIdPattern` decides, on a text that a foreign system chose. A pattern can take for
 * ever on some texts, so it has a limit of time each time: what it could not decide is none.
 */
import { Script, createContext } from 'node:vm';
import { pathWith } from './domain/path.ts';

/** Longer ones fit into no path that servers take. */
const LONGEST = 1_000;
const PATIENCE_MS = 50;
/** A machine that is busy may stand still for as long, and an id that is not read is a registration in doubt. */
const TRIES = 3;

const script = new Script('pattern.test(text)');

/** Whether a text is a request id from its beginning to its end, and may be a step of a path, whatever the pattern leaves open. */
export function requestIdReader({
  requestIdPattern,
  statusPath,
}: {
  requestIdPattern: string;
  statusPath: string;
}): (text: string) => boolean {
  const decide = deciderOf(requestIdPattern);
  return (text) =>
    text.length <= LONGEST && decide(text) === true && pathWith(statusPath, text) !== null;
}

/** Whether a pattern decides in time on texts that are hard for one that tries many ways. */
export function isQuick(pattern: string): boolean {
  const decide = deciderOf(pattern);
  const letters = new Set([...'aA0-', ...pattern.replaceAll(/[^A-Za-z0-9]/g, '').slice(0, 20)]);
  return [...letters].every((letter) => decide(`${letter.repeat(40)}\n`) !== null);
}

/** null: not in time. */
function deciderOf(pattern: string): (text: string) => boolean | null {
  // "^a|b$" and "^a\$" begin and end as they should, and are open all the same.
  const context = createContext({ pattern: new RegExp(`^(?:${pattern})$`), text: '' });
  return (text) => {
    context['text'] = text;
    for (let tries = 0; tries < TRIES; tries++) {
      try {
        return script.runInContext(context, { timeout: PATIENCE_MS }) === true;
      } catch {
        // It took too long, by the clock on the wall: or the machine did.
      }
    }
    return null;
  };
}
