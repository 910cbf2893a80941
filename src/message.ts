/** A delivery's bytes and properties, as they travel and as they come out again: unchanged. */
import type { MessageProperties, Options } from 'amqplib';
import { HEADER } from './domain/names.ts';
import type { WireMessage } from './domain/batch.ts';
import { headersFromJson, headersToJson } from './headers.ts';

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

/** Added by a quorum queue to what it hands out again; published, it would be taken for the publisher's. */
const DELIVERY_COUNT = 'x-delivery-count';

/**
 * What a publisher has set. `expiration` and `userId` are left out: the one would let a failure record expire, the
 * other be refused.
 */
export function keptOf(properties: MessageProperties): KnownProperties {
  const kept: Record<string, unknown> = {};
  for (const key of KEPT) if (properties[key] !== undefined) kept[key] = properties[key];
  const headers: Record<string, unknown> = { ...properties.headers };
  delete headers[DELIVERY_COUNT];
  return { ...kept, headers };
}

/** The properties of `toWire`, ready to publish again. */
export function fromWire(properties: string): KnownProperties {
  const parsed: unknown = properties === '' ? {} : JSON.parse(properties);
  const { headers, ...rest } = isRecord(parsed) ? parsed : {};
  return { ...rest, headers: isRecord(headers) ? headersFromJson(headers) : {} };
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
