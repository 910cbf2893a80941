/** A delivery's bytes and properties, as they travel and as they come out again: unchanged. */
import type { MessageProperties, Options } from 'amqplib';
import { HEADER } from './domain/names.ts';
import type { WireMessage } from './domain/batch.ts';
import { MOST_NAME_BYTES, headersFromJson, headersToJson } from './headers.ts';

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

/**
 * The message in base64, and its properties and headers as JSON (see headers.ts).
 * @throws Error when the headers can never be published again
 */
export function toWire(body: Buffer, properties: MessageProperties): WireMessage {
  const { headers, ...rest } = keptOf(properties);
  return {
    body: body.toString('base64'),
    properties: JSON.stringify({ ...rest, headers: headersToJson(headers) }),
  };
}

/** amqplib's own type makes every header an `any`. */
export type KnownProperties = Omit<Options.Publish, 'headers'> & {
  headers: Record<string, unknown>;
};

/**
 * Headers that would do something when they are published again. A quorum queue counts in the first how often it handed a
 * message out. The others name queues that get a copy, and are enough for a confirm (rabbitmq.com/docs/sender-selected):
 * a failure record would be a delivery again.
 */
const NOT_KEPT = ['x-delivery-count', 'CC', 'BCC'];

/**
 * What a publisher has set and we can publish again. `expiration` and `userId` are left out: the one would let a failure
 * record expire, the other be refused. So is what amqplib reads and cannot write.
 */
export function keptOf(properties: MessageProperties): KnownProperties {
  const kept: Record<string, unknown> = {};
  for (const key of KEPT) if (isWritable(properties[key])) kept[key] = properties[key];
  return { ...kept, headers: keptHeaders({ ...properties.headers }) };
}

const keptHeaders = (headers: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !NOT_KEPT.includes(name)));

/** Bytes that are no UTF-8 become longer as they are read, and a time may be beyond what a number can say. */
const isWritable = (value: unknown): boolean =>
  typeof value === 'string'
    ? Buffer.byteLength(value) <= MOST_NAME_BYTES
    : Number.isSafeInteger(value) && Number(value) >= 0;

/** The properties of `toWire`, ready to publish again. */
export function fromWire(properties: string): KnownProperties {
  const parsed: unknown = properties === '' ? {} : JSON.parse(properties);
  const { headers, ...rest } = isRecord(parsed) ? parsed : {};
  return { ...rest, headers: isRecord(headers) ? keptHeaders(headersFromJson(headers)) : {} };
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * The generation whose failure record a delivery is, or null when it is none. Only a hint, since anyone can write
 * headers: the claim decides whether it is a redrive.
 */
export function redriveOf(headers: Record<string, unknown> | undefined): number | null {
  if (typeof headers?.[HEADER.failureClass] !== 'string') return null;
  const generation = Number(headers[HEADER.redrive]);
  return Number.isSafeInteger(generation) && generation >= 0 ? generation : null;
}
