/** A delivery's bytes and properties, as they travel and as they come out again: unchanged. */
import { BSON } from 'mongodb';
import type { MessageProperties, Options } from 'amqplib';
import { HEADER } from './domain/names.ts';
import type { WireMessage } from './domain/batch.ts';

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
 * The message in base64, and its properties and headers as Extended JSON (dates, binaries and 64-bit numbers survive).
 * `expiration` and `userId` are left out: the one would let a failure record expire, the other be refused.
 * @throws Error when the headers cannot be encoded
 */
export function toWire(body: Buffer, properties: MessageProperties): WireMessage {
  const kept: Record<string, unknown> = { headers: properties.headers ?? {} };
  for (const key of KEPT) if (properties[key] !== undefined) kept[key] = properties[key];
  return {
    body: body.toString('base64'),
    properties: BSON.EJSON.stringify(kept, { relaxed: false }),
  };
}

/** amqplib's own type makes every header an `any`. */
export type KnownProperties = Omit<Options.Publish, 'headers'> & {
  headers: Record<string, unknown>;
};

/** The properties of `toWire`, ready to publish again. */
export function fromWire(properties: string): KnownProperties {
  const parsed: unknown = properties === '' ? {} : BSON.EJSON.parse(properties, { relaxed: true });
  const { headers, ...rest } = isRecord(parsed) ? parsed : {};
  return { ...rest, headers: isRecord(headers) ? plain(headers) : {} };
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Binary values as Buffers again: the AMQP codec knows no BSON types. */
function plain(table: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(table).map(([key, value]) => [
      key,
      value instanceof BSON.Binary
        ? Buffer.from(value.buffer)
        : isRecord(value) && !(value instanceof Date)
          ? plain(value)
          : value,
    ]),
  );
}

/**
 * The generation whose failure record a delivery is, or null when it is none. Only a hint, since anyone can write
 * headers: the claim decides whether it is a redrive.
 */
export function redriveOf(headers: Record<string, unknown> | undefined): number | null {
  if (typeof headers?.[HEADER.failureClass] !== 'string') return null;
  const generation = Number(headers[HEADER.redrive]);
  return Number.isSafeInteger(generation) && generation >= 0 ? generation : null;
}
