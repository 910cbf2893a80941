/** Faults of plain language in prose: sentences that are too long, headless "what" clauses, and words that second-language readers stumble over. */

export interface Fault {
  line: number;
  kind: 'long' | 'what' | 'word';
  text: string;
}

const LONGEST = 28;
/** Of sentences over this many words a page may have few. */
const LONG = 25;

/** Everyday words that we once used as terms, each with the plain one. */
const WORDS: readonly [RegExp, string][] = [
  [/\blikewise\b/i, 'also, the same'],
  [/\bfor ever\b/i, 'without end'],
  [/\bas far as\b/i, 'if, up to'],
  [/\bremed(?:y|ies)\b/i, 'fix'],
  [/\bneighbours?\b/i, 'server, dependency'],
  [
    /\b(?:your|whose|her|his|somebody's|anybody's|person's|look-up's|operator's) word\b/i,
    'decision',
  ],
  [/\bit suffers\b|\bsuffers from\b/i, 'is short of'],
  [/\bcounts\b(?= (?:from|until|within|again|once)\b)/i, 'applies'],
  [/\bbut for\b|\ball but\b/i, 'except'],
];

/** "what was sent is …", "tells what became of it": nobody acts. Questions and "what to do" stay. */
const WHAT =
  /\bwhat (?!to\b|you (?:see|need|type|want)\b|it (?:means|does|promises|costs)\b)[a-z’']+/i;

/** Prose of Markdown by line, without code, tables, comments, addresses, and the values of settings. */
function proseOf(markdown: string): { line: number; text: string }[] {
  const blocks: { line: number; text: string }[] = [];
  let fence = false;
  let open: { line: number; text: string } | null = null;
  const close = (): void => {
    if (open !== null) blocks.push(open);
    open = null;
  };
  for (const [index, raw] of markdown.split('\n').entries()) {
    if (/^\s*```/.test(raw)) {
      fence = !fence;
      close();
      continue;
    }
    const isItem = /^\s*(?:[-*]|\d+\.)\s/.test(raw);
    if (
      fence ||
      raw.trim() === '' ||
      /^\s*(?:\||#|<!--|!\[|\*\[|- (?:Expected|Default|Variable): )/.test(raw)
    ) {
      close();
      continue;
    }
    if (isItem) close();
    const text = raw.replace(/^\s*(?:[-*]|\d+\.|>)\s+/, '').trim();
    if (open === null) open = { line: index + 1, text };
    else open.text += ` ${text}`;
  }
  close();
  return blocks;
}

const plain = (text: string): string =>
  text
    .replace(/`[^`]*`/g, 'CODE')
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/[*_]{1,2}/g, '');

/** A colon that opens a list or a second main clause ends nothing: the reader has to hold both. */
const sentencesOf = (text: string): string[] =>
  text.split(/(?<=[.!?])["”)]?\s+(?=["“(]?[\p{Lu}\d])/u).filter((each) => each.trim() !== '');

const wordsOf = (sentence: string): readonly string[] =>
  sentence.match(/[\p{L}\p{N}][\p{L}\p{N}’'./%-]*/gu) ?? [];

/** The faults of one sentence. */
export function faultsOf(sentence: string): Omit<Fault, 'line'>[] {
  const text = sentence.trim();
  const words = wordsOf(text);
  const found: Omit<Fault, 'line'>[] = [];
  if (words.length > LONGEST) found.push({ kind: 'long', text: `${words.length} words: ${text}` });
  const isQuestion = text.endsWith('?');
  if (!isQuestion && WHAT.test(text)) found.push({ kind: 'what', text });
  for (const [pattern, instead] of WORDS) {
    const hit = pattern.exec(text)?.[0];
    if (hit !== undefined)
      found.push({ kind: 'word', text: `"${hit}" (rather: ${instead}): ${text}` });
  }
  return found;
}

export const faultsIn = (markdown: string): Fault[] =>
  proseOf(markdown).flatMap(({ line, text }) =>
    sentencesOf(plain(text)).flatMap((each) => faultsOf(each).map((fault) => ({ line, ...fault }))),
  );

/** The sentences of a page, and those of them that are long. */
export function sentencesIn(markdown: string): { all: number; long: string[] } {
  const all = proseOf(markdown).flatMap(({ text }) => sentencesOf(plain(text)));
  return { all: all.length, long: all.filter((each) => wordsOf(each).length > LONG) };
}

/** What a log or a help text says: the literal of each call that tells somebody something. */
const SAID =
  /(?:\.(?:info|warn|error)\((?:[^'`]|'[a-z-]+')*?|\.(?:description|argument|option|addHelpText)\([^)]*?|\b(?:failed|again): )(['`])((?:(?!\1)[^\\]|\\.)+)\1/g;

export const faultsOfLines = (source: string): Fault[] =>
  [...source.matchAll(SAID)].flatMap(({ index, 2: text = '' }) => {
    const line = source.slice(0, index).split('\n').length;
    return sentencesOf(text.replace(/\$\{[^}]*\}/g, 'VALUE'))
      .flatMap((each) => each.split(/: (?=[a-z])|\n\n/))
      .flatMap((each) => faultsOf(each).map((fault) => ({ line, ...fault })));
  });
