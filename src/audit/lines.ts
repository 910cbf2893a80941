/** A stream of bytes as lines of bytes (text decoding would change what is no valid UTF-8), and as a ledger's entries. */
import type { z } from 'zod';

export interface Line {
  /** From 1. */
  number: number;
  bytes: Buffer;
  /** False for a last line without a line feed. */
  isEnded: boolean;
}

type Bytes = AsyncIterable<Buffer> | Iterable<Buffer>;

const LF = 0x0a;
const CR = 0x0d;

/** The lines without their ends (LF or CRLF). Lines that are empty, or blanks only, are counted and left out. */
export async function* lines(chunks: Bytes): AsyncGenerator<Line> {
  let number = 0;
  let rest: Buffer[] = [];
  for await (const chunk of chunks) {
    let from = 0;
    for (let end = chunk.indexOf(LF); end >= 0; end = chunk.indexOf(LF, from)) {
      const bytes = Buffer.concat([...rest, chunk.subarray(from, end)]);
      rest = [];
      from = end + 1;
      number += 1;
      if (!isBlank(bytes)) yield { number, bytes: withoutReturn(bytes), isEnded: true };
    }
    if (from < chunk.length) rest.push(chunk.subarray(from));
  }
  const last = Buffer.concat(rest);
  if (!isBlank(last)) yield { number: number + 1, bytes: withoutReturn(last), isEnded: false };
}

const withoutReturn = (bytes: Buffer): Buffer =>
  bytes.at(-1) === CR ? bytes.subarray(0, -1) : bytes;

const isBlank = (bytes: Buffer): boolean =>
  bytes.every((byte) => byte === 0x20 || byte === 0x09 || byte === CR);

/**
 * The entries of a stream of JSON lines. A torn last line is left out, since whoever writes a ledger can be killed.
 * @param name of the file or address, for the error
 * @throws Error that names the first line that is no entry
 */
export async function* readJsonLines<Schema extends z.ZodType>(
  chunks: Bytes,
  name: string,
  schema: Schema,
): AsyncGenerator<z.infer<Schema>> {
  for await (const { number, bytes, isEnded } of lines(chunks)) {
    const entry = schema.safeParse(parse(bytes.toString()));
    if (entry.success) yield entry.data;
    else if (isEnded)
      throw new Error(`${name}:${number}: not an entry of such a ledger. Name another file`);
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
