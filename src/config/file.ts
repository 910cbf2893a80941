// Reads despachante.yaml into plain values, and remembers where each stands.
import { readFileSync } from 'node:fs';
import {
  LineCounter,
  isMap,
  isNode,
  isScalar,
  isSeq,
  parseDocument,
  visit,
  type Document,
  type ErrorCode,
} from 'yaml';
import { shownKey, type Fault } from './faults.ts';

export interface ConfigFile {
  /** What the file says; `{}` when it is empty, absent or no YAML. */
  readonly values: unknown;
  readonly faults: readonly Fault[];
  /** `despachante.yaml:4:14`, the place of a value, or of its key; null when the file does not have it. */
  place(path: readonly PropertyKey[], part: 'key' | 'value'): string | null;
}

/** What there is when nobody wrote a file. */
export const noConfigFile: ConfigFile = { values: {}, faults: [], place: () => null };

/** Reads and parses the file. Everything that is wrong with it is a fault; nothing is thrown. */
export function readConfigFile(file: string): ConfigFile {
  let source: string;
  try {
    source = readFileSync(file, 'utf8');
  } catch (error) {
    const got = error instanceof Error ? error.message : String(error);
    return broken({ where: file, path: '', expected: 'a readable file of YAML', got });
  }
  try {
    return parseConfigFile(source, file);
  } catch {
    // The error may repeat a part of the file. Aliases that multiply ("billion laughs") end here, say.
    const got = 'aliases (*), merges (<<) or brackets in brackets that cannot be unfolded';
    return broken({ where: file, path: '', expected: 'valid YAML', got });
  }
}

function broken(...faults: Fault[]): ConfigFile {
  return { ...noConfigFile, faults };
}

/**
 * In the words of the library's code: its messages repeat parts of the file, and those may be secrets. Of a password `*hunter2` it
 * says that there is no anchor "hunter2".
 */
const syntaxFault = (where: string, code: ErrorCode): Fault => ({
  where,
  path: '',
  expected: 'valid YAML',
  got: `a fault of syntax: ${code.toLowerCase().replaceAll('_', ' ')}`,
  hint: 'text that begins with a sign, or contains one, stands between single quotes',
});

function parseConfigFile(source: string, file: string): ConfigFile {
  const lines = new LineCounter();
  // prettyErrors would quote the lines around a fault, and with them what may be a secret.
  const options = { lineCounter: lines, prettyErrors: false, stringKeys: true };
  const document = parseDocument(source, options);
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  const errors = [...document.errors, ...document.warnings];
  const faults = errors
    .filter(({ code }) => code === 'DUPLICATE_KEY')
    .map(({ pos }) => ({
      where: at(pos[0]),
      path: shownKey(/^[^\s:]*/.exec(source.slice(pos[0]))?.[0] ?? ''),
      expected: 'each key once',
      got: 'the same key again',
    }));
  // After any other error the rest of the file may have been read as something it is not, so the first one counts.
  const error = errors.find(({ code }) => code !== 'DUPLICATE_KEY');
  if (error !== undefined) return broken(...faults, syntaxFault(at(error.pos[0]), error.code));
  const alias = unknownAlias(document);
  if (alias !== null) return broken(...faults, syntaxFault(at(alias), 'BAD_ALIAS'));
  return {
    // Throws when aliases multiply ("billion laughs").
    values: document.toJS({ maxAliasCount: 50 }) ?? {},
    faults,
    place: (path, part) => {
      const offset = find(document, path, part);
      return offset === null ? null : at(offset);
    },
  };
}

/** Where an alias stands whose anchor is nowhere before it; null where there is none. */
function unknownAlias(document: Document): number | null {
  let offset: number | null = null;
  visit(document, {
    Alias: (_, alias) => {
      if (alias.resolve(document) !== undefined) return undefined;
      offset = start(alias) ?? 0;
      return visit.BREAK;
    },
  });
  return offset;
}

function find(document: Document, path: readonly PropertyKey[], part: 'key' | 'value') {
  let node: unknown = document.contents;
  let offset: number | null = start(node);
  for (const [depth, name] of path.entries()) {
    const step = child(node, name);
    if (step === null) return null;
    const last = depth === path.length - 1;
    node = step.value;
    offset = last && part === 'key' ? step.key : (start(node) ?? step.key);
  }
  return offset;
}

function child(node: unknown, name: PropertyKey): { key: number | null; value: unknown } | null {
  if (isSeq(node) && typeof name === 'number') {
    return name < node.items.length ? { key: start(node), value: node.items[name] } : null;
  }
  if (!isMap(node)) return null;
  const pair = node.items.find(({ key }) => isScalar(key) && key.value === name);
  return pair === undefined ? null : { key: start(pair.key), value: pair.value };
}

const start = (node: unknown): number | null => (isNode(node) ? (node.range?.[0] ?? null) : null);
