/** How commands print for people: aligned columns, colours only on a terminal, nothing that could steer the terminal. */
import { stripVTControlCharacters, styleText } from 'node:util';
import { inCell, onOneLine } from '../runtime/foreign-text.ts';

let wanted: boolean | null = null;

/** As --color and --no-color say. */
export const useColours = (use: boolean): void => void (wanted = use);

/** On a terminal, unless NO_COLOR is set. */
export const isColoured = (): boolean =>
  wanted ?? (process.stdout.isTTY && styleText('bold', 'x') !== 'x');

/** For stdout. `COLOUR` of foreign-text.ts lets these through. */
const painter = (style: Parameters<typeof styleText>[0]) => (text: string) =>
  isColoured() ? styleText(style, text, { validateStream: false }) : text;
export const paint = {
  bold: painter('bold'),
  dim: painter('dim'),
  red: painter('red'),
  green: painter('green'),
  yellow: painter('yellow'),
  cyan: painter('cyan'),
};

/** Rows in columns two blanks apart; the last column is not padded. Cells may be painted, and may hold foreign text. */
export function columns(given: readonly (readonly string[])[], indent = ''): string {
  const rows = given.map((row) => row.map((cell) => inCell(cell, true)));
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, at) => (widths[at] = Math.max(widths[at] ?? 0, widthOf(cell))));
  }
  return rows
    .map((row) => {
      const cells = row.map((cell, at) =>
        at === row.length - 1 ? cell : cell + ' '.repeat((widths[at] ?? 0) - widthOf(cell)),
      );
      return (indent + cells.join('  ')).trimEnd();
    })
    .join('\n');
}

export const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  columns([head.map((cell) => paint.bold(cell)), ...rows]);

/** A line for each of the first, and one that counts the others. */
export const firstOf = <T>(all: readonly T[], most: number, text: (each: T) => string): string[] =>
  all.length > most
    ? [...all.slice(0, most).map(text), `… and ${number(all.length - most)} more`]
    : all.map(text);

/** Characters that take two columns of a terminal: ideographs, emoji and their like. */
const WIDE =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}\u3000-\u303e\uff01-\uff60\uffe0-\uffe6]/u;
/** Accents that stand on the character before them. */
const MARKS = /\p{M}/gu;

const widthOf = (cell: string): number =>
  [...stripVTControlCharacters(cell).replace(MARKS, '')].reduce(
    (sum, character) => sum + (WIDE.test(character) ? 2 : 1),
    0,
  );

/** Foreign text on one line. `print` and `columns` see to the rest. */
export const line = onOneLine;

/** A date as people compare it: `2025-03-09 14:07:31Z`; a dash where there is none. */
export const when = (at: Date | string | number | null | undefined): string => {
  if (at === null || at === undefined) return '–';
  const date = new Date(at);
  return Number.isNaN(date.getTime())
    ? line(String(at))
    : `${date.toISOString().slice(0, 19).replace('T', ' ')}Z`;
};

/** A field of a document, or another value of any kind. */
export const valueText = (value: unknown): string =>
  value instanceof Date
    ? when(value)
    : line(typeof value === 'string' ? value : (JSON.stringify(value) ?? '–'));

/** `12,345` */
export const number = (value: number): string => value.toLocaleString('en-US');
