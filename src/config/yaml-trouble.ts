/**
 * What is wrong with the YAML of a file, in words of our own. The messages of the library repeat parts of the file, and those may
 * be secrets: of a password `*hunter2` it says that there is no anchor "hunter2".
 */
import type { ErrorCode } from 'yaml';
import type { Fault } from './faults.ts';

type Trouble = Pick<Fault, 'expected' | 'got' | 'hint'>;

const TROUBLES: Readonly<Record<ErrorCode, string>> = {
  ALIAS_PROPS: 'an alias (*) with a tag or an anchor of its own',
  BAD_ALIAS: 'an alias (*) or an anchor (&) that has no name, or an alias without its anchor',
  BAD_COLLECTION_TYPE: 'a tag (!) that does not fit its value',
  BAD_DIRECTIVE: 'a line that begins with % and is no directive',
  BAD_DQ_ESCAPE: 'a backslash in double quotes that begins no escape sequence',
  BAD_INDENT: 'a line that is indented too little or too much',
  BAD_PROP_ORDER: 'a tag (!) or an anchor (&) in the wrong place',
  BAD_SCALAR_START: 'a value that begins with a character that YAML reserves',
  BLOCK_AS_IMPLICIT_KEY: 'a list or a mapping that begins on the line of its key',
  BLOCK_IN_FLOW: 'a list or a mapping of lines between brackets',
  DUPLICATE_KEY: 'the same key again',
  IMPOSSIBLE: 'something that cannot be read',
  KEY_OVER_1024_CHARS: 'a key of more than 1024 characters',
  MISSING_CHAR:
    'something that has no end: a bracket, a quote, a comma, a colon or a blank is missing',
  MULTILINE_IMPLICIT_KEY: 'a key of more than one line; perhaps a colon is missing',
  MULTIPLE_ANCHORS: 'a value with two anchors (&)',
  MULTIPLE_DOCS: 'a second document (---)',
  MULTIPLE_TAGS: 'a value with two tags (!)',
  NON_STRING_KEY: 'a key that is no text',
  RESOURCE_EXHAUSTION: 'brackets in brackets, too deep to be read',
  TAB_AS_INDENT: 'a tab in the place of blanks at the beginning of a line',
  TAG_RESOLVE_FAILED: 'a tag (!) that is not known here',
  UNEXPECTED_TOKEN: 'something that cannot stand here',
};

/** Where the place of the fault alone does not say what to do: most often a value was meant as plain text. */
const OF_SIGNS: ReadonlySet<ErrorCode> = new Set([
  'ALIAS_PROPS',
  'BAD_ALIAS',
  'BAD_COLLECTION_TYPE',
  'BAD_DIRECTIVE',
  'BAD_DQ_ESCAPE',
  'BAD_PROP_ORDER',
  'BAD_SCALAR_START',
  'MISSING_CHAR',
  'MULTIPLE_ANCHORS',
  'MULTIPLE_TAGS',
  'TAG_RESOLVE_FAILED',
  'UNEXPECTED_TOKEN',
]);

export function yamlTrouble(code: ErrorCode): Trouble {
  const trouble = { expected: 'valid YAML', got: TROUBLES[code] };
  return OF_SIGNS.has(code)
    ? {
        ...trouble,
        hint: 'put text that begins with a sign, or contains one, between single quotes',
      }
    : trouble;
}

/** Of what is valid YAML and cannot be made a value, such as aliases that multiply ("billion laughs"). */
export const unfoldTrouble: Trouble = {
  expected: 'YAML that can be unfolded',
  got: 'too many aliases (*), a merge (<<) of what is no mapping, or brackets in brackets, too deep',
};
