/**
 * Finds where the elements of a list end, in JSON that comes in pieces, without reading it as JSON: an element that is broken, too large
 * or too deep is told as that, and the others go on. The list is the whole text, or stands in it at a pointer, or has one element a line
 * (NDJSON).
 *
 * An element ends at a comma or bracket outside of its brackets and texts. A closing bracket that does not match closes up to the one
 * that does, and a text ends with its line at the latest: so an element that is broken seldom takes its neighbours along.
 */
import { createWay } from './way.ts';

export interface Framed {
  index: number;
  /** Of its first byte. */
  offset: number;
  /** Null where there are too many. */
  bytes: Buffer | null;
  size: number;
  isTooDeep: boolean;
}

export type Format = 'array' | 'ndjson';

/** An element, and where it stands in the text. */
export interface Place {
  index: number;
  offset: number;
}

export interface FramerOptions {
  /** The names that lead to the list; none where it is the whole text. */
  way: readonly string[];
  /** Of one element. */
  mostBytes: number;
  /** Where an element begins, in a text that was read to its end before. */
  from?: Place & { format: Format };
}

type Phase = 'begin' | 'way' | 'before' | 'in' | 'after';

/** What the text is no list for: a sentence with the offset. */
export class NoList extends Error {
  override readonly name = 'NoList';
}

export const MOST_DEPTH = 64;
/** More of them tell nobody more. */
const MOST_STRAY = 3;
const [QUOTE, BACKSLASH, COMMA, OPEN, CLOSE, BRACE, BRACE_END, LF] = [
  ...[0x22, 0x5c, 0x2c, 0x5b, 0x5d, 0x7b, 0x7d, 0x0a],
] as [number, number, number, number, number, number, number, number];
const isBlank = (byte: number): boolean =>
  byte === 0x20 || byte === LF || byte === 0x0d || byte === 0x09;

export type Framer = ReturnType<typeof createFramer>;

export function createFramer({ way, mostBytes, from }: FramerOptions) {
  let format: Format | null = from?.format ?? null;
  let phase: Phase = from === undefined ? 'begin' : 'before';
  let at = from?.offset ?? 0;
  let index = from?.index ?? 0;
  const path = way.length > 0 && from === undefined ? createWay(way) : null;
  let ready: Framed[] = [];
  /** Of a comma with nothing behind it so far. */
  let comma: number | null = null;
  /** Of the element that is being read. */
  let begun = 0;
  let parts: Buffer[] = [];
  let size = 0;
  /** The brackets that are open in it, and how many more than can be told apart. */
  const open: number[] = [];
  let over = 0;
  let isDeep = false;
  let inText = false;
  let isEscaped = false;
  const strayCommas: number[] = [];

  function noteStray(offset: number): void {
    if (strayCommas.length < MOST_STRAY) strayCommas.push(offset);
  }

  function begin(): void {
    begun = at;
    parts = [];
    size = 0;
    open.length = 0;
    over = 0;
    isDeep = false;
    inText = false;
    isEscaped = false;
    phase = 'in';
  }

  function keep(piece: Buffer): void {
    size += piece.length;
    if (size <= mostBytes) parts.push(piece);
    else parts = [];
  }

  function end(): void {
    const bytes = size > mostBytes ? null : trimmed(Buffer.concat(parts));
    if (bytes?.length !== 0) {
      const known = bytes === null ? size : bytes.length;
      ready.push({ index, offset: begun, bytes, size: known, isTooDeep: isDeep });
      index += 1;
    }
    parts = [];
    comma = null;
    phase = 'before';
  }

  /** Whether this byte ends the element that it would be in. */
  function ends(byte: number): boolean {
    if (inText) {
      if (isEscaped) isEscaped = false;
      else if (byte === BACKSLASH) isEscaped = true;
      else if (byte === QUOTE || byte === LF) inText = false;
      return format === 'ndjson' && byte === LF;
    }
    if (format === 'ndjson' && byte === LF) return true;
    if (byte === QUOTE) inText = true;
    else if (byte === OPEN || byte === BRACE) {
      if (open.length < MOST_DEPTH) open.push(byte);
      else {
        over += 1;
        isDeep = true;
      }
    } else if (byte === CLOSE || byte === BRACE_END) {
      if (over > 0) over -= 1;
      else return close(byte);
    } else if (byte === COMMA && format === 'array') return open.length === 0;
    return false;
  }

  function close(byte: number): boolean {
    const matching = open.lastIndexOf(byte === CLOSE ? OPEN : BRACE);
    if (matching >= 0) open.length = matching;
    return matching < 0 && byte === CLOSE && format === 'array';
  }

  /** By the first byte that is no blank. */
  function begins(byte: number): Phase {
    if (byte === 0x3c) throw new NoList(`it begins with "<" at offset ${at}: that is HTML or XML`);
    path?.push(byte);
    if (path !== null) return 'way';
    format = byte === OPEN ? 'array' : 'ndjson';
    if (format === 'array') return 'before';
    begin();
    void ends(byte);
    return 'in';
  }

  return {
    /** Elements that end in this piece. @throws NoList */
    push(piece: Buffer): Framed[] {
      ready = [];
      // From here on it belongs to the element that is being read.
      let start = 0;
      for (let n = 0; n < piece.length; n += 1, at += 1) {
        const byte = piece[n] ?? 0;
        if (phase === 'in') {
          if (!ends(byte)) continue;
          keep(piece.subarray(start, n));
          end();
          if (byte === COMMA) comma = at;
          if (byte === CLOSE) phase = 'after';
        } else if (phase === 'begin') {
          if (isBlank(byte) || isMark(byte, at)) continue;
          phase = begins(byte);
          start = n;
        } else if (phase === 'way') {
          if (path?.push(byte) === true) {
            format = 'array';
            phase = 'before';
          }
        } else if (phase === 'before') {
          if (isBlank(byte)) continue;
          if (format === 'array' && byte === COMMA) {
            noteStray(at);
          } else if (format === 'array' && byte === CLOSE) {
            if (comma !== null) noteStray(comma);
            phase = 'after';
          } else {
            begin();
            start = n;
            void ends(byte);
          }
        } else if (!isBlank(byte) && way.length === 0)
          throw new NoList(`the list ends before offset ${at}, and something stands behind it`);
      }
      if (phase === 'in') keep(piece.subarray(start));
      return ready;
    },
    /** The last element, where no byte ends it. @throws NoList where the text ends too early */
    finish(): Framed[] {
      ready = [];
      if (format === 'ndjson' && phase === 'in') end();
      else if (phase === 'begin') throw new NoList('it is empty');
      else if (phase === 'way')
        throw new NoList(`there is no list at ${way.map((step) => `/${step}`).join('')}`);
      else if (format === 'array' && phase !== 'after')
        throw new NoList(
          phase === 'in'
            ? `it ends in the middle of the element that begins at offset ${begun}`
            : `it ends at offset ${at} before its list does`,
        );
      return ready;
    },
    format: () => format ?? 'array',
    /** Offsets of the first commas that nothing follows. */
    strayCommas: (): readonly number[] => strayCommas,
  };
}

/** U+FEFF in UTF-8 at the very beginning. */
const isMark = (byte: number, at: number): boolean => byte === [0xef, 0xbb, 0xbf][at];

function trimmed(bytes: Buffer): Buffer {
  let end = bytes.length;
  while (end > 0 && isBlank(bytes[end - 1] ?? 0)) end -= 1;
  return bytes.subarray(0, end);
}
