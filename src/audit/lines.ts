/** A stream of bytes as lines of bytes: text decoding would change what is no valid UTF-8. */

export interface Line {
  /** From 1. */
  number: number;
  bytes: Buffer;
  /** False for a last line without a line feed. */
  isEnded: boolean;
}

const LF = 0x0a;
const CR = 0x0d;

/** The lines without their ends (LF or CRLF). Lines that are empty, or blanks only, are counted and left out. */
export async function* lines(
  chunks: AsyncIterable<Buffer> | Iterable<Buffer>,
): AsyncGenerator<Line> {
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
