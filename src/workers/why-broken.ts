/** Why a file cannot be loaded, with the line. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export async function whyBroken(error: unknown, file: string): Promise<string> {
  if (!(error instanceof Error)) return String(error);
  const place =
    placeIn(error.stack ?? '') ??
    (await placeOfImport(error)) ??
    (await placeOfSyntax(error, file));
  return `${place === null ? '' : `${place}: `}${error.name}: ${error.message}`;
}

/** A frame of a stack, or the line above a piece of code. */
const PLACE = /^(?:\s+at (?:.*\()?)?(?:file:\/\/)?(\/.+?):(\d+)(?::\d+)?\)?$/gm;

/** Our own code, as it is compiled and as source maps show it. */
const COMPILED = fileURLToPath(new URL('..', import.meta.url));
const OWN = [COMPILED, COMPILED.replace(/dist\/src\/$/, 'src/')];

/** The first that is the developer's. */
function placeIn(text: string): string | null {
  for (const [, path = '', line] of text.matchAll(PLACE))
    if (!path.includes('/node_modules/') && !OWN.some((own) => path.startsWith(own)))
      return `${relative('.', decodeURI(path))}:${line}`;
  return null;
}

/** Node says which file imports what is missing, but not where. */
async function placeOfImport({ message }: Error): Promise<string | null> {
  const [, missing, by] =
    /^Cannot find (?:module|package) '(.+?)' imported from (.+)$/.exec(message) ?? [];
  if (missing === undefined || by === undefined) return null;
  const name = missing.slice(missing.lastIndexOf('/') + 1);
  const lines = (await readFile(by, 'utf8').catch(() => '')).split('\n');
  const line = lines.findIndex((each) => each.includes(name));
  return line === -1 ? null : `${relative('.', by)}:${line + 1}`;
}

/** V8 keeps the line of a fault in JavaScript's syntax to itself; `node --check` prints it. */
async function placeOfSyntax(error: Error, file: string): Promise<string | null> {
  if (!(error instanceof SyntaxError)) return null;
  const told: unknown = await promisify(execFile)(process.execPath, ['--check', file]).catch(
    (failure: unknown) => failure,
  );
  const text =
    typeof told === 'object' && told !== null && 'stderr' in told ? String(told.stderr) : '';
  return placeIn(text);
}
