/** The body of an answer as JSON, whatever it is packed in, and within the limit unpacked as well as packed. */
import { brotliDecompressSync, gunzipSync, inflateRawSync, inflateSync } from 'node:zlib';

export interface ReadBody {
  /** Null where it is none. */
  json: unknown;
  /** Unpacked; null where that could not be done. */
  text: string | null;
  /** Why it could not be read; null where it could. */
  trouble: string | null;
  isEmpty: boolean;
}

type Headers = Readonly<Record<string, string | string[] | undefined>>;

export function readBody(headers: Headers, body: Buffer, maxBytes: number): ReadBody {
  let text: string | null = null;
  const none = (trouble: string, isEmpty = false): ReadBody => {
    return { json: null, text, trouble, isEmpty };
  };
  const named = headerText(headers, 'content-type');
  const charset = /;\s*charset\s*=\s*["']?([^"';\s]+)/i.exec(named)?.[1];
  try {
    const plain = unpacked(headerText(headers, 'content-encoding'), body, maxBytes);
    if (plain.length === 0) return none('its body is empty', true);
    text = decoderOf(charset, plain).decode(plain);
    return { json: parse(text), text, trouble: null, isEmpty: false };
  } catch (error) {
    if (error instanceof Unreadable) return none(error.message);
    const type = /^[\w.+/-]{1,60}/.exec(named)?.[0] ?? 'nothing';
    return none(`its body is not JSON (its Content-Type says ${type})`);
  }
}

class Unreadable extends Error {}

/** RFC 9110 §8.4: codings in the order in which they were applied. */
function unpacked(encodings: string, body: Buffer, maxBytes: number): Buffer {
  const codings = encodings
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((each) => each !== '');
  if (codings.length > 3) throw new Unreadable('its body is packed more than three times');
  return codings.reduceRight((packed, coding) => unpack(coding, packed, maxBytes), body);
}

function unpack(coding: string, packed: Buffer, maxOutputLength: number): Buffer {
  if (packed.length === 0 || coding === 'identity') return packed;
  const limit = { maxOutputLength };
  try {
    switch (coding) {
      case 'gzip':
      case 'x-gzip':
        return gunzipSync(packed, limit);
      case 'br':
        return brotliDecompressSync(packed, limit);
      case 'deflate':
        // With the header that the standard wants, or without, as many servers send it.
        return isZlib(packed) ? inflateSync(packed, limit) : inflateRawSync(packed, limit);
    }
  } catch (error) {
    const isLarge = error instanceof RangeError;
    const what = isLarge ? `is over ${maxOutputLength} bytes unpacked` : `is no whole ${coding}`;
    throw new Unreadable(`its body ${what}`, { cause: error });
  }
  throw new Unreadable('its Content-Encoding is none of gzip, deflate and br');
}

const isZlib = ([first = 0, second = 0]: Buffer): boolean =>
  (first & 0x0f) === 8 && ((first << 8) | second) % 31 === 0;

/** A byte order mark wins over what the header says; it is taken away, since JSON.parse would refuse it. */
function decoderOf(charset: string | undefined, [first, second]: Buffer) {
  const mark =
    first === 0xff && second === 0xfe
      ? 'utf-16le'
      : first === 0xfe && second === 0xff
        ? 'utf-16be'
        : null;
  try {
    return new TextDecoder(mark ?? charset ?? 'utf-8');
  } catch {
    throw new Unreadable('its charset is not known');
  }
}

const LARGE_NUMBER = /\d{16}/;

/** A whole number that JavaScript would round stays as it was sent, since it may be an id. */
function parse(text: string): unknown {
  if (!LARGE_NUMBER.test(text)) return JSON.parse(text);
  return JSON.parse(text, (_, value: unknown, context?: { source?: string }) =>
    typeof value === 'number' &&
    /^-?\d+$/.test(context?.source ?? '') &&
    !Number.isSafeInteger(value)
      ? BigInt(context?.source ?? '')
      : value,
  );
}

const headerText = (headers: Headers, name: string): string => [headers[name]].flat().join(', ');
