// What can be set: each setting with what is expected there, its default and its meaning, as the example files have that.
import { readFileSync } from 'node:fs';
import { SECRETS, environmentNames, variable } from './environment.ts';
import { STANDARD } from './schema.ts';
import { leaves } from './tree.ts';
import { expectedAt, unitOf, valueText } from './units.ts';

export interface Setting {
  path: string;
  /** Null for lists and mappings: those are set in the file alone. */
  variable: string | null;
  /** Type and range, in the words of a fault. */
  expected: string;
  standard: string;
  /** Lines of text. */
  says: readonly string[];
}

const ROOT = new URL('../../../', import.meta.url);
const linesOf = (file: string): string[] => readFileSync(new URL(file, ROOT), 'utf8').split('\n');

/** In the order of despachante.example.yaml, addresses and secrets first. @throws Error where an example file is not there */
export function readSettings(): Setting[] {
  const comments = new Map([
    ...commentsOf(linesOf('.env.example'), /^#?(?<name>[A-Z][A-Z_]+)=/),
    ...commentsOf(
      linesOf('despachante.example.yaml'),
      /^(?<indent> *)#?(?<name>[A-Za-z]\w*):(?: |$)/,
    ),
  ]);
  return leaves(STANDARD).map(([path, value]) => {
    const name = variable(path);
    const isSingle = environmentNames.includes(name);
    return {
      path,
      variable: isSingle ? name : null,
      expected: expectedAt(path),
      standard: SECRETS.has(path) ? 'none' : standardOf(path, value),
      says: comments.get(path) ?? comments.get(name) ?? [],
    };
  });
}

const standardOf = (path: string, value: unknown): string =>
  value === null ? 'none' : value === '' ? '""' : valueText(value, unitOf(path));

/**
 * The comment above each setting, by its path. One comment may stand above several settings, and one above a section is for those
 * that have none of their own.
 */
function commentsOf(lines: readonly string[], setting: RegExp): Map<string, string[]> {
  const found = new Map<string, string[]>();
  const sections: { indent: number; name: string; says: string[] }[] = [];
  let says: string[] = [];
  let isOpen = false;
  for (const text of lines) {
    const comment = /^ *# (.*)$/.exec(text)?.[1];
    if (comment !== undefined) {
      says = isOpen ? [...says, comment] : [comment];
      isOpen = true;
      continue;
    }
    isOpen = false;
    const { indent = '', name } = setting.exec(text)?.groups ?? {};
    if (name === undefined) {
      says = [];
      continue;
    }
    while ((sections.at(-1)?.indent ?? -1) >= indent.length) sections.pop();
    const path = [...sections.map((each) => each.name), name].join('.');
    found.set(path, says.length > 0 ? says : (sections.at(-1)?.says ?? []));
    const isSection = !text.includes('#');
    if (isSection) {
      sections.push({ indent: indent.length, name, says });
      says = [];
    }
  }
  return found;
}
