/** The input as a file of plain JSON, and how many elements its list has: known before anything is processed. */
import { createReadStream, createWriteStream } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { isJson } from '../domain/json-text.ts';
import { createFramer, NoList, type Format, type Framed, type Place } from './framer.ts';
import { CannotFetch } from '../net/get.ts';

export interface ListShape {
  /** The names that lead to it. */
  way: readonly string[];
  mostItemBytes: number;
}

export interface Counted {
  items: number;
  format: Format;
  /** Offsets of the first commas that nothing follows. */
  strayCommas: readonly number[];
}

const PIECE = 1024 * 1024;
/** JSON shrinks to a tenth or a fiftieth; more is a bomb. */
const MOST_RATIO = 200;

/** Unpacks what is packed by gzip, whatever its name or its headers say. @throws CannotFetch */
export async function unpack(received: string, plain: string, mostBytes: number): Promise<void> {
  if (!(await isGzip(received))) return rename(received, plain);
  let packed = 0;
  let bytes = 0;
  const countIn = new Transform({
    transform(chunk: Buffer, _encoding, next) {
      packed += chunk.length;
      next(null, chunk);
    },
  });
  const countOut = new Transform({
    transform(chunk: Buffer, _encoding, next) {
      bytes += chunk.length;
      const isBomb = bytes > 64 * PIECE && bytes > MOST_RATIO * packed;
      const why = isBomb
        ? `more than ${MOST_RATIO} times its size`
        : `more than ${mostBytes} bytes`;
      const isOver = isBomb || bytes > mostBytes;
      next(isOver ? new CannotFetch(`unpacked it has ${why}`) : null, chunk);
    },
  });
  const read = createReadStream(received, { highWaterMark: 64 * 1024 });
  await pipeline(read, countIn, createGunzip(), countOut, createWriteStream(plain)).catch(
    (error: unknown) => {
      if (error instanceof CannotFetch || !isZlib(error)) throw error;
      throw new CannotFetch(`it cannot be unpacked: ${error.message}`, { cause: error });
    },
  );
}

const isZlib = (error: unknown): error is Error =>
  error instanceof Error && 'code' in error && String(error.code).startsWith('Z_');

async function isGzip(path: string): Promise<boolean> {
  const file = await open(path, 'r');
  const { buffer, bytesRead } = await file.read(Buffer.alloc(2), 0, 2, 0);
  await file.close();
  return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b;
}

/** @throws NoList */
export async function countList(
  path: string,
  { way, mostItemBytes }: ListShape,
  progress: (bytes: number) => void,
): Promise<Counted> {
  const framer = createFramer({ way, mostBytes: mostItemBytes });
  let items = 0;
  let bytes = 0;
  let isSound = false;
  const take = (some: readonly Framed[]): void => {
    items += some.length;
    // Of lines one must be JSON, or all are something else.
    isSound ||= some.some((each) => each.bytes === null || isJson(each.bytes.toString()));
  };
  for await (const piece of createReadStream(path, { highWaterMark: PIECE })) {
    if (!Buffer.isBuffer(piece)) continue;
    take(framer.push(piece));
    progress((bytes += piece.length));
  }
  take(framer.finish());
  const format = framer.format();
  if (format === 'ndjson' && !isSound)
    throw new NoList(
      'it is no list, and none of its lines is JSON: say where the list is with --items, such as --items /data',
    );
  return { items, format, strayCommas: framer.strayCommas() };
}

/** The elements from one on. */
export async function* elementsOf(
  path: string,
  { way, mostItemBytes }: ListShape,
  from: (Place & { format: Format }) | null,
): AsyncGenerator<Framed> {
  const framer = createFramer({
    way,
    mostBytes: mostItemBytes,
    ...(from === null ? {} : { from }),
  });
  const start = from?.offset ?? 0;
  for await (const piece of createReadStream(path, { start, highWaterMark: PIECE }))
    if (Buffer.isBuffer(piece)) yield* framer.push(piece);
  yield* framer.finish();
}
