/**
 * Keeps the broker's words when it closes a connection that is being opened, where amqplib says only that it "Expected
 * ConnectionOpenOk". The error is read in the same turn. Imported before amqplib.
 */
// Its codec is changed first.
import './amqp-tables.ts';
import { amqpFile, has } from './amqp-files.ts';

type Decode = (id: number, bytes: Buffer) => unknown;

const defs = amqpFile('defs.js', (file): file is { decode: Decode; ConnectionClose: number } =>
  has(file, { decode: 'function', ConnectionClose: 'number' }),
);
const { decode, ConnectionClose } = defs;
let words: string | null = null;
defs.decode = (id, bytes) => {
  const fields = decode(id, bytes);
  if (id === ConnectionClose) words = textIn(fields);
  return fields;
};

const textIn = (fields: unknown): string | null =>
  typeof fields === 'object' && fields !== null && 'replyText' in fields
    ? String(fields.replyText)
    : null;

/** The error of a connection that could not be opened, with the broker's words where amqplib has left them out. */
export function withBrokersWords(error: unknown): unknown {
  const isBare =
    error instanceof Error && /ConnectionOpenOk; got <ConnectionClose/.test(error.message);
  return isBare && words !== null ? new Error(words, { cause: error }) : error;
}
