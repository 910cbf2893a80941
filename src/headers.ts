/**
 * AMQP headers as JSON and back. Anyone can write headers, and what we take we must be able to publish again, in a failure
 * record: what amqplib can read and not write (it throws, or overflows its stack) is refused here, before it is taken.
 */

/** amqplib encodes a table in 64 KiB, where the headers of a failure record (failures.ts) need room, too. */
const MOST_BYTES = 56 * 1024;
const DEEPEST = 64;
/** Of a name, and of a property that is a text: AMQP has one byte for its length. */
export const MOST_NAME_BYTES = 255;

type Table = Record<string, unknown>;

/**
 * Marks what JSON has no word for by a key `!`, as amqplib does it for timestamps and decimals.
 * @throws Error when the headers can never be published again
 */
export function headersToJson(headers: Table): Table {
  let left = MOST_BYTES;
  const take = (bytes: number): void => {
    left -= bytes;
    if (left < 0) throw new Error(`headers of more than ${MOST_BYTES} bytes`);
  };
  return table(headers, 1);

  function table(from: Table, depth: number): Table {
    if (depth > DEEPEST) throw new Error(`headers nested deeper than ${DEEPEST}`);
    const entries = Object.entries(from).filter(([, each]) => each !== undefined);
    return Object.fromEntries(
      entries.map(([key, each]) => {
        const bytes = Buffer.byteLength(key);
        if (bytes > MOST_NAME_BYTES) throw new Error(`a header's name of ${bytes} bytes`);
        take(1 + bytes);
        return [key, value(each, depth)];
      }),
    );
  }

  function value(from: unknown, depth: number): unknown {
    take(9); // the type, and a length or a number
    switch (typeof from) {
      case 'string':
        take(Buffer.byteLength(from));
        return from;
      case 'boolean':
        return from;
      case 'number':
        return isWritable(from) ? from : { '!': 'double', value: String(from) };
      case 'object': {
        if (from === null) return null;
        if (Buffer.isBuffer(from)) {
          take(from.length);
          return { '!': 'bytes', value: from.toString('base64') };
        }
        if (Array.isArray(from)) {
          if (depth >= DEEPEST) throw new Error(`headers nested deeper than ${DEEPEST}`);
          return from.map((each) => value(each, depth + 1));
        }
        if (Object.hasOwn(from, '!')) return marked({ ...from });
        return table({ ...from }, depth + 1);
      }
      default:
        throw new Error(`a header of the type ${typeof from}`);
    }
  }
}

/** amqplib writes as a 64-bit integer what it does not take for a fraction; NaN, and what is larger, throws there. */
const isWritable = (from: number): boolean =>
  Math.abs(from) < (Number.isInteger(from) ? 2 ** 63 : 2 ** 50);

function marked(from: Table): Table {
  const { '!': kind, value } = from;
  if (kind === 'timestamp' && Number.isSafeInteger(value)) return from;
  if (kind === 'decimal' && typeof value === 'object' && value !== null) return from;
  throw new Error('a header that only looks like a typed value');
}

/** Ready to publish again. */
export const headersFromJson = (headers: Table): Table =>
  Object.fromEntries(Object.entries(headers).map(([key, each]) => [key, fromJson(each)]));

function fromJson(from: unknown): unknown {
  if (Array.isArray(from)) return from.map(fromJson);
  if (typeof from !== 'object' || from === null) return from;
  const known: Table = { ...from };
  if (known['!'] === 'bytes') return Buffer.from(String(known['value']), 'base64');
  if (known['!'] === 'double') return { '!': 'double', value: Number(known['value']) };
  return headersFromJson(known);
}
