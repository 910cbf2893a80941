/** A source delivers messages to an intake, whatever the broker is. */

import type { Origin } from '../domain/origin.ts';

/** A message says that it is a redrive. Anyone can write these headers: domain/registrations/admission.ts checks them. */
export interface RedriveHint {
  /** The generation that failed. */
  failedGeneration: number | null;
  token?: string;
}

export interface Message extends RedriveHint {
  /** Of a tombstone of Kafka, which has none, no bytes: `properties` tell it from an empty one. */
  body: Buffer;
  /** Whatever else is needed to publish it again byte for byte, as the message.ts of its broker encodes it. */
  properties: string;
  /** Why some headers, perhaps ours, cannot be read or kept. */
  trouble: string | null;
}

/** One message handed to us, until `ack`. It is delivered again when its channel is gone. */
export interface Delivery extends Message {
  /** Epoch ms. */
  receivedAt: number;
  origin: Origin;
  /** What orders it among others; RabbitMQ has none. */
  key: Buffer | null;
  /** As its publisher has named it: the property of AMQP, or Kafka's header `message-id` or `id`. */
  messageId: string | null;
  /** The publisher's headers, of several with one name the last. On Kafka all are texts; on RabbitMQ each is what it is. */
  headers: () => Record<string, unknown>;
  /** Does nothing when its channel is gone. */
  ack: () => void;
  /** Leaves it to the broker, unacknowledged, and lets its bytes go. */
  release: () => void;
  isGone: () => boolean;
}

export interface Source {
  /** Stops taking more, keeping what is held: given back, each would count against its delivery limit. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  isReady(): boolean;
  close(): Promise<void>;
}

/** Opens a source that takes nothing before its first `resume`. */
export type OpenSource = (onDelivery: (delivery: Delivery) => void) => Promise<Source>;
