/** Keeps the key, the headers and a missing body of a record, byte for byte. */
import type { KafkaRecord } from '@platformatic/kafka';
import { z } from 'zod';
import { textOf } from '../texts.ts';

/** In the order of the record; a name may be there several times. */
export type RawHeader = readonly [name: Buffer, value: Buffer | null];

export interface RecordProperties {
  key: Buffer | null;
  headers: readonly RawHeader[];
  /** Its value was null, which deletes a key from a compacted topic. */
  isTombstone: boolean;
}

const NOTHING = Buffer.alloc(0);

export const propertiesOf = ({
  key,
  value,
  headers,
}: Pick<KafkaRecord, 'key' | 'value' | 'headers'>): RecordProperties => ({
  key,
  headers: headers.map(([name, text]) => [name ?? NOTHING, text]),
  isTombstone: value === null,
});

const base64 = z.base64().transform((text) => Buffer.from(text, 'base64'));
const encoded = z.object({
  key: base64.nullable(),
  headers: z.array(z.tuple([base64, base64.nullable()])),
  isTombstone: z.boolean(),
});

/** As JSON, for `Message.properties`. */
export const encodeProperties = ({ key, headers, isTombstone }: RecordProperties): string =>
  JSON.stringify({
    key: key?.toString('base64') ?? null,
    headers: headers.map(([name, value]) => [
      name.toString('base64'),
      value?.toString('base64') ?? null,
    ]),
    isTombstone,
  });

/** Reads the text of `encodeProperties`. @throws ZodError for any other */
export const decodeProperties = (properties: string): RecordProperties =>
  encoded.parse(JSON.parse(properties));

/** As texts, of several with one name the last; in hex what is no UTF-8. */
export const headerTexts = (headers: readonly RawHeader[]): Record<string, string> =>
  Object.fromEntries(
    headers.map(([name, value]) => [name.toString(), value === null ? '' : textOf(value)]),
  );

const ID_NAMES = ['message-id', 'id'];

/** By which header a publisher has named the message. */
export function messageIdOf(headers: readonly RawHeader[]): string | null {
  for (const wanted of ID_NAMES) {
    const value = headers.findLast(([name]) => name.toString() === wanted)?.[1];
    if (value !== undefined && value !== null && value.length > 0) return textOf(value);
  }
  return null;
}

export const textHeader = (name: string, value: string): RawHeader => [
  Buffer.from(name),
  Buffer.from(value),
];
