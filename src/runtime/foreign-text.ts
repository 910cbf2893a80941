/** Foreign text for a terminal, a page or a log: the terminal would obey an escape sequence, and a mark of direction turn a line. */

const BREAKS = String.raw`\p{Cc}\p{Zl}\p{Zp}`;
/** Marks of direction, characters without width, halves of pairs. */
const UNSEEN = String.raw`\p{Cf}\p{Cs}\p{Default_Ignorable_Code_Point}`;
/** The colours of table.ts, and their ends. */
const COLOUR = String.raw`\u{1b}\[(?:1|2|22|3[1-36]|39)m`;

const unseen = new RegExp(`[${UNSEEN}]`, 'gu');
const breaks = new RegExp(`[${BREAKS}]+`, 'gu');
const plainOrColour = new RegExp(`(${COLOUR})|[${BREAKS}]+|[${UNSEEN}]`, 'gu');
const screenOrColour = new RegExp(`(${COLOUR}|[\n\t]+)|[${BREAKS}]|[${UNSEEN}]`, 'gu');

/** In the place of what would not be seen, so that one sees that something was there. */
const MARK = '\u{fffd}';

export const onOneLine = (text: string): string =>
  text.replace(breaks, ' ').replace(unseen, MARK).trim();

/** On one line, with our own colours where there are any. */
export const inCell = (text: string, colours: boolean): string =>
  colours ? kept(text, plainOrColour) : text.replace(breaks, ' ').replace(unseen, MARK);

/** Lines and tabs as they are. */
export const onScreen = (text: string, colours: boolean): string =>
  kept(colours ? text : text.replace(new RegExp(COLOUR, 'gu'), ' '), screenOrColour);

const kept = (text: string, pattern: RegExp): string =>
  text.replace(
    pattern,
    (found, ours: string | undefined) => ours ?? (found.match(breaks) ? ' ' : MARK),
  );

/** A line in a page, with its blanks. */
export const inHtml = (text: string): string =>
  inCell(text, false).replace(/[&<>"']/g, (found) => `&#${found.charCodeAt(0)};`);

/** JSON that reads as the same value, with everything escaped that a terminal might obey. */
export const jsonText = (json: string): string =>
  json.replace(/[\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u007f-\u009f]/gu, (found) =>
    [...Array(found.length).keys()]
      .map((at) => `\\u${found.charCodeAt(at).toString(16).padStart(4, '0')}`)
      .join(''),
  );
