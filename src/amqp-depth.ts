/**
 * Keeps amqplib alive when it meets headers that are nested thousands deep. It decodes them recursively, and an overflow of
 * the stack there ends the connection, which gets the same message again with the next one, for ever. Imported before
 * amqplib, this puts a check before its decoder, which takes the function from its codec as it is loaded.
 */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** Deeper than anything that headers.ts takes, and far from what overflows. */
const DEEPEST = 100;

type Decode = (fields: Buffer) => unknown;

const require = createRequire(import.meta.url);
const codec: unknown = require(join(dirname(require.resolve('amqplib')), 'lib', 'codec.js'));
if (!hasDecoder(codec)) throw new Error('This amqplib has no decodeFields in lib/codec.js');
const decode = codec.decodeFields;
codec.decodeFields = (fields) => (depthOf(fields) > DEEPEST ? tooDeep() : decode(fields));

function hasDecoder(value: unknown): value is { decodeFields: Decode } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'decodeFields' in value &&
    typeof value.decodeFields === 'function'
  );
}

/** Stands for what is not decoded: as deep as it takes for headers.ts to say what is wrong with it. */
function tooDeep(): unknown {
  let table = {};
  for (let depth = 0; depth < DEEPEST; depth++) table = { deeper: table };
  return table;
}

/** Bytes after the tag of each type that has a fixed size. */
const SIZES: Readonly<Record<string, number>> = {
  b: 1,
  B: 1,
  t: 1,
  s: 2,
  u: 2,
  I: 4,
  i: 4,
  f: 4,
  D: 5,
  T: 8,
  d: 8,
  l: 8,
  V: 0,
};

/**
 * How deep tables and arrays are nested in an encoded table, 1 for a flat one, without recursion; stops counting past
 * DEEPEST. What cannot be read ends the walk: the decoder says what is wrong with it.
 */
export function depthOf(fields: Buffer): number {
  const open: { until: number; isTable: boolean }[] = [{ until: fields.length, isTable: true }];
  let deepest = 1;
  let at = 0;
  for (let inside = open.at(-1); inside !== undefined; inside = open.at(-1)) {
    if (at >= inside.until) {
      open.pop();
      continue;
    }
    if (inside.isTable) at += 1 + (fields[at] ?? 0);
    const tag = String.fromCharCode(fields[at] ?? 0);
    at += 1;
    const size = SIZES[tag];
    if (size !== undefined) {
      at += size;
      continue;
    }
    if (!'SxFA'.includes(tag) || at + 4 > fields.length) return deepest;
    const length = fields.readUInt32BE(at);
    at += 4;
    if (tag === 'S' || tag === 'x') at += length;
    else {
      open.push({ until: at + length, isTable: tag === 'F' });
      deepest = Math.max(deepest, open.length);
      if (deepest > DEEPEST) return deepest;
    }
  }
  return deepest;
}
