/**
 * Header tables as bytes. amqplib's decoder throws at types that only RabbitMQ knows, overflows its stack when tables are
 * nested thousands deep, and rounds long numbers. An error there ends the connection, and the next one gets the same message
 * again, for ever. Imported before amqplib, this wraps its codec: reading never throws and keeps the bytes of the table, and
 * writing takes such bytes as they are.
 */
import { amqpFile, has } from './amqp-files.ts';

/** Deeper than anybody's headers, and far from what overflows. */
const DEEPEST = 64;

/** A table before it was decoded. `trouble` says why some of it could not be. */
interface RawTable {
  bytes: Buffer;
  trouble: string | null;
}

export type Field = ReturnType<typeof fieldsOf>['fields'][number];

interface Codec {
  decodeFields: (fields: Buffer) => object;
  encodeTable: (buffer: Buffer, table: object, offset: number) => number;
}

const READ = Symbol('the bytes that a table was decoded from');
const WRITTEN = Symbol('bytes of more fields, to be written behind those of a table');

const codec = amqpFile('codec.js', (file): file is Codec =>
  has(file, { decodeFields: 'function', encodeTable: 'function' }),
);
const { decodeFields: decode, encodeTable: encode } = codec;
codec.decodeFields = readTable;
codec.encodeTable = writeTable;

/** The readable fields of an encoded table; keeps its bytes for `rawOf`. Never throws. */
export function readTable(bytes: Buffer): Record<string, unknown> {
  const keep = (table: object, trouble: string | null) =>
    Object.defineProperty({ ...table }, READ, { value: { bytes, trouble } });
  const whole = readable(bytes);
  if (typeof whole === 'object') return keep(whole, null);
  const parts = fieldsOf(bytes).fields.map((field) => readable(field.bytes));
  const entries = parts.flatMap((part) => (typeof part === 'object' ? Object.entries(part) : []));
  return keep(Object.fromEntries(entries), whole);
}

function readable(bytes: Buffer): object | string {
  if (depthOf(bytes) > DEEPEST) return `headers nested deeper than ${DEEPEST}`;
  try {
    return decode(bytes);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function writeTable(buffer: Buffer, table: object, offset: number): number {
  const size = encode(buffer, table, offset);
  const more: unknown = Reflect.get(table, WRITTEN);
  if (!Buffer.isBuffer(more)) return size;
  if (offset + size + more.length > buffer.length) {
    throw new RangeError(`headers of ${size + more.length} bytes, at most ${buffer.length}`);
  }
  more.copy(buffer, offset + size);
  buffer.writeUInt32BE(size - 4 + more.length, offset);
  return size + more.length;
}

/** The bytes of a table that came from the broker; null of any other. */
export function rawOf(table: object): RawTable | null {
  const raw: unknown = Reflect.get(table, READ);
  return isRaw(raw) ? raw : null;
}

const isRaw = (value: unknown): value is RawTable =>
  typeof value === 'object' && value !== null && 'bytes' in value && 'trouble' in value;

/** A table that is written with these fields behind its own. */
export const withFields = (
  table: Record<string, unknown>,
  fields: Buffer,
): Record<string, unknown> => Object.defineProperty({ ...table }, WRITTEN, { value: fields });

/** Made once: a fresh one for each delivery cost intake more than all else that it does with it. */
const SCRATCH = Buffer.alloc(64 * 1024);

/** The fields of a table as amqplib writes them. @throws TypeError or RangeError for what it cannot write */
export const encodeFields = (table: Record<string, unknown>): Buffer =>
  Buffer.from(SCRATCH.subarray(4, encode(SCRATCH, table, 0)));

/** By their number of bytes, the tags of the types that have a fixed size, in RabbitMQ or AMQP 0-9-1. */
const TAGS = ['V', 'bBt', 'suU', '', 'Iif', 'D', '', '', 'TdlL'];

/** Each field has its `bytes`, from the length of its name to the end of its value; `rest`: of an unknown type, or cut off. */
export function fieldsOf(bytes: Buffer) {
  const fields: { name: string; value: Buffer; bytes: Buffer }[] = [];
  let at = 0;
  while (at < bytes.length) {
    const value = at + 1 + (bytes[at] ?? 0);
    const end = endOfValue(bytes, value);
    if (end === null || end > bytes.length) break;
    fields.push({
      name: bytes.toString('utf8', at + 1, value),
      value: bytes.subarray(value, end),
      bytes: bytes.subarray(at, end),
    });
    at = end;
  }
  return { fields, rest: bytes.subarray(at) };
}

/** The same value under another name, which is ASCII and short. */
export const renamed = (name: string, { value }: Field): Buffer =>
  Buffer.concat([Buffer.from([name.length]), Buffer.from(name), value]);

/** Where the value ends whose tag stands at `at`; null where nobody can tell. */
function endOfValue(bytes: Buffer, at: number): number | null {
  const tag = String.fromCharCode(bytes[at] ?? 0);
  const size = TAGS.findIndex((tags) => tags.includes(tag));
  if (size >= 0) return at + 1 + size;
  if (!'SxFA'.includes(tag) || at + 5 > bytes.length) return null;
  return at + 5 + bytes.readUInt32BE(at + 1);
}

/** How deep it is nested, 1 for flat; without recursion, not past DEEPEST. An unknown type ends the walk, and the decoder. */
function depthOf(bytes: Buffer): number {
  const open: { until: number; isTable: boolean }[] = [{ until: bytes.length, isTable: true }];
  let deepest = 1;
  let at = 0;
  for (let inside = open.at(-1); inside !== undefined; inside = open.at(-1)) {
    if (at >= inside.until) {
      open.pop();
      continue;
    }
    if (inside.isTable) at += 1 + (bytes[at] ?? 0);
    const end = endOfValue(bytes, at);
    if (end === null) return deepest;
    const tag = String.fromCharCode(bytes[at] ?? 0);
    if (tag !== 'F' && tag !== 'A') {
      at = end;
      continue;
    }
    at += 5;
    open.push({ until: end, isTable: tag === 'F' });
    deepest = Math.max(deepest, open.length);
    if (deepest > DEEPEST) return deepest;
  }
  return deepest;
}
