/** Keeps the bytes and properties of a delivery, unchanged. */
import type { ConsumeMessage, MessageProperties, Options } from 'amqplib';
import { encodeFields, withFields } from './amqp-tables.ts';
import { isMapping } from '../../config/tree.ts';
import { ORIGINAL } from '../../domain/names.ts';
import { redriveOf } from '../redrive.ts';
import {
  fieldValues,
  headerValues,
  publishersHeaders,
  recordsHeaders,
  textsOf,
  type KeptHeaders,
} from './headers.ts';
import type { Delivery, Message } from '../source.ts';

const KEPT = [
  'contentType',
  'contentEncoding',
  'correlationId',
  'replyTo',
  'messageId',
  'timestamp',
  'type',
  'appId',
  'priority',
] as const;

/** AMQP has one byte for the length of a property that is a text. */
const MOST_TEXT_BYTES = 255;

/** amqplib's own type makes every header an `any`. */
export type KnownProperties = Omit<Options.Publish, 'headers'> & {
  headers: Record<string, unknown>;
};

/** In `trouble`, the headers that are kept are for a failure record alone. */
export const messageOf = ({
  content,
  properties,
}: Pick<ConsumeMessage, 'content' | 'properties'>): Message => ({
  body: content,
  ...encodeProperties(properties),
  ...redriveOf(properties.headers),
});

/** What of a delivery is for flows that care where it came from, and how its publisher names it. */
export const placeOf = (
  { fields: { exchange, routingKey }, properties }: ConsumeMessage,
  queue: string,
): Pick<Delivery, 'origin' | 'key' | 'messageId' | 'headers'> => {
  const messageId: unknown = properties.messageId;
  return {
    origin: { broker: 'rabbitmq', queue, exchange, routingKey },
    key: null,
    messageId: typeof messageId === 'string' && messageId !== '' ? messageId : null,
    headers: () => headerValues(properties.headers),
  };
};

/** The properties as JSON. `trouble` says why not all headers can be read, or kept: it may be one of ours. */
export function encodeProperties(
  properties: MessageProperties,
): Pick<Message, 'properties' | 'trouble'> {
  const headers = headersOf(properties);
  const kept = knownOf(properties);
  const dropped = [...headers.dropped, ...unwritable(properties)];
  const fields = Buffer.concat([headers.fields, encodeFields(movedOf(properties))]);
  return {
    properties: JSON.stringify({ properties: kept, fields: fields.toString('base64'), dropped }),
    trouble: headers.trouble ?? headers.dropped[0] ?? null,
  };
}

/** Headers that no broker has sent may be such as amqplib cannot write. */
function headersOf(properties: MessageProperties): KeptHeaders {
  try {
    return publishersHeaders({ ...properties }.headers);
  } catch (error) {
    const trouble = error instanceof Error ? error.message : String(error);
    return { fields: Buffer.alloc(0), dropped: ['headers'], trouble };
  }
}

function knownOf(properties: MessageProperties): Omit<Options.Publish, 'headers'> {
  const kept: Record<string, unknown> = {};
  for (const key of KEPT) if (isWritable(properties[key])) kept[key] = properties[key];
  return kept;
}

/** What amqplib reads and cannot write. */
const unwritable = (properties: MessageProperties): string[] =>
  [...KEPT, 'clusterId' as const].filter((key) => {
    const value: unknown = properties[key];
    return value !== undefined && (key === 'clusterId' || !isWritable(value));
  });

/** Bytes that are no UTF-8 become longer as they are read, and a time may be beyond what a number can say. */
const isWritable = (value: unknown): boolean =>
  typeof value === 'string'
    ? Buffer.byteLength(value) <= MOST_TEXT_BYTES
    : Number.isSafeInteger(value) && Number(value) >= 0;

/** As headers of ours: the one would let a failure record expire, the other have it refused. */
const movedOf = ({ expiration, userId }: MessageProperties): Record<string, unknown> => ({
  [ORIGINAL.expiration]: typeof expiration === 'string' ? expiration : undefined,
  [ORIGINAL.userId]: typeof userId === 'string' ? userId : undefined,
});

/** Reads the text of `encodeProperties`. `fields`: the publisher's headers as bytes; `dropped`: names of what was not kept. */
export function decodeProperties(encoded: string): {
  properties: Omit<Options.Publish, 'headers'>;
  fields: Buffer;
  dropped: string[];
} {
  const parsed: unknown = encoded === '' ? {} : JSON.parse(encoded);
  const { properties, fields, dropped } = isMapping(parsed) ? parsed : {};
  return {
    properties: isMapping(properties) ? properties : {},
    fields: Buffer.from(typeof fields === 'string' ? fields : '', 'base64'),
    dropped: Array.isArray(dropped) ? dropped.map(String) : [],
  };
}

/** The publisher's headers in such a text, each as a text. */
export const headersAsText = (encoded: string): Record<string, string> =>
  textsOf(fieldValues(decodeProperties(encoded).fields));

/** What such a text says of the body, each where it says it. */
export function contentIn(encoded: string): { type?: string; encoding?: string } {
  const known: { contentType?: unknown; contentEncoding?: unknown } =
    decodeProperties(encoded).properties;
  const { contentType: type, contentEncoding: encoding } = known;
  return {
    ...(typeof type === 'string' ? { type } : {}),
    ...(typeof encoding === 'string' ? { encoding } : {}),
  };
}

/** A failure record's properties without what the broker has added, ready to publish it again. */
export function recordsProperties(properties: MessageProperties): KnownProperties {
  const { fields } = recordsHeaders({ ...properties }.headers);
  return { ...knownOf(properties), headers: withFields({}, fields) };
}
