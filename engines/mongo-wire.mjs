// The little of MongoDB's wire protocol that a health check needs, so that it works before any driver is installed.
import { converse } from './health.mjs';

const OP_MSG = 2013;

/** Strings, 32-bit integers, objects and arrays: enough for the commands below. */
export function bson(document) {
  const parts = Object.entries(document).map(([key, value]) => {
    const name = Buffer.from(`${key}\0`);
    if (typeof value === 'number') {
      const number = Buffer.alloc(4);
      number.writeInt32LE(value);
      return Buffer.concat([Buffer.of(0x10), name, number]);
    }
    if (typeof value === 'string') {
      const text = Buffer.from(`${value}\0`);
      const length = Buffer.alloc(4);
      length.writeInt32LE(text.length);
      return Buffer.concat([Buffer.of(0x02), name, length, text]);
    }
    return Buffer.concat([Buffer.of(Array.isArray(value) ? 0x04 : 0x03), name, bson({ ...value })]);
  });
  const body = Buffer.concat([...parts, Buffer.of(0)]);
  const length = Buffer.alloc(4);
  length.writeInt32LE(body.length + 4);
  return Buffer.concat([length, body]);
}

/** Runs one command; the answer's raw bytes. */
export function mongoCommand(host, port, command) {
  const document = bson(command);
  const head = Buffer.alloc(21); // header, flags, section kind 0
  head.writeInt32LE(head.length + document.length, 0);
  head.writeInt32LE(1, 4);
  head.writeInt32LE(OP_MSG, 12);
  return converse(host, port, Buffer.concat([head, document]), (answer) =>
    answer.length >= 4 && answer.length >= answer.readInt32LE(0) ? answer : undefined,
  );
}

/** The value of a string field at any depth, or undefined. */
export function stringField(answer, name) {
  const at = answer.indexOf(`\x02${name}\0`);
  if (at < 0) return undefined;
  const size = at + name.length + 2;
  return answer.toString('utf8', size + 4, size + 4 + answer.readInt32LE(size) - 1);
}

/** The version of a server that can be written to. */
export async function mongoAnswers(host, port) {
  const hello = await mongoCommand(host, port, { hello: 1, $db: 'admin' });
  if (!hello.includes('\x08isWritablePrimary\0\x01', 0, 'latin1'))
    throw new Error(`${host}:${port} answers, but is not (yet) writable`);
  const info = await mongoCommand(host, port, { buildInfo: 1, $db: 'admin' });
  return { version: stringField(info, 'version') ?? 'unknown' };
}
