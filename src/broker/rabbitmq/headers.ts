/**
 * The headers of a message as the bytes the publisher wrote, whatever their types; without ours, without those that would do
 * something when published again, and without those that do not fit.
 */
import { encodeFields, fieldsOf, rawOf, readTable, renamed, type Field } from './amqp-tables.ts';
import { HEADER, ORIGINAL } from '../../domain/names.ts';
import { textOf } from '../texts.ts';

/** amqplib encodes a table in 64 KiB, where the headers of a failure record (dead-letters.ts) need room, too. */
const MOST_BYTES = 56 * 1024;

export type KeptHeaders = ReturnType<typeof keep>;

/** The broker's counts of how often it handed a message out; the second from 4.3 on (rabbitmq.com/docs/quorum-queues). */
const COUNTS: ReadonlySet<string> = new Set(['x-delivery-count', 'x-acquired-count']);

/** They name queues that get a copy, enough for a confirm (rabbitmq.com/docs/sender-selected): a record would be delivered again. */
const COPIES: ReadonlyMap<string, string> = new Map([
  ['CC', ORIGINAL.cc],
  ['BCC', ORIGINAL.bcc],
]);

const OURS: ReadonlySet<string> = new Set(Object.values(HEADER));

/** The headers of a delivery, without those that only a failure record has: there they are told anew. */
export const publishersHeaders = (headers: Record<string, unknown> = {}) =>
  keep(headers, (name) => !COUNTS.has(name) && !OURS.has(name));

/** The headers of a failure record, with its story, to publish it again. */
export const recordsHeaders = (headers: Record<string, unknown> = {}) =>
  keep(headers, (name) => !COUNTS.has(name));

/** `dropped`: names of what does not fit; `trouble`: why not all could be read. */
function keep(headers: Record<string, unknown>, isKept: (name: string) => boolean) {
  const raw = rawOf(headers) ?? { bytes: encodeFields(headers), trouble: null };
  const { fields, rest } = fieldsOf(raw.bytes);
  const kept: Buffer[] = [];
  const dropped: string[] = [];
  let left = MOST_BYTES;
  for (const field of fields) {
    if (!isKept(field.name)) continue;
    const instead = COPIES.get(field.name);
    const bytes = instead === undefined ? field.bytes : renamed(instead, field);
    if (bytes.length > left) dropped.push(`${field.name} (${bytes.length} bytes)`);
    else {
      kept.push(bytes);
      left -= bytes.length;
    }
  }
  if (rest.length > 0) dropped.push(`${rest.length} bytes of headers that nobody can read`);
  return { fields: Buffer.concat(kept), dropped, trouble: raw.trouble };
}

/** For people: each header, by whatever name. A number that JavaScript would round becomes a text. Nested tables are as amqplib reads them. */
export function headerValues(headers: Record<string, unknown> = {}): Record<string, unknown> {
  const raw = rawOf(headers);
  return raw === null ? { ...headers } : fieldValues(raw.bytes);
}

/** The same of headers as the publisher wrote them. */
export const fieldValues = (bytes: Buffer): Record<string, unknown> =>
  // Not by assignment: of the name "__proto__" that would make no property.
  Object.fromEntries(fieldsOf(bytes).fields.map((field) => [field.name, valueOf(field)]));

/** The same as texts, without those that are null; bytes as their text, and all else as JSON. */
export const textsOf = (values: Record<string, unknown>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => {
      if (value === null || value === undefined) return [];
      if (typeof value === 'string') return [[name, value]];
      return [[name, Buffer.isBuffer(value) ? textOf(value) : JSON.stringify(value)]];
    }),
  );

function valueOf({ name, value, bytes }: Field): unknown {
  const tag = String.fromCharCode(value[0] ?? 0);
  if (tag === 'l') return exact(value.readBigInt64BE(1));
  if (tag === 'L') return exact(value.readBigUInt64BE(1));
  if (tag === 'T') return { '!': 'timestamp', value: exact(value.readBigUInt64BE(1)) };
  if (name !== '__proto__') return readTable(bytes)[name];
  return readTable(Buffer.concat([Buffer.from([1]), Buffer.from('v'), value]))['v'];
}

function exact(value: bigint): number | string {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value.toString();
}
