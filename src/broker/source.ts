/** A source delivers messages to an intake, whatever the broker is. */

/** A message says that it is a redrive. Anyone can write these headers: domain/registrations/admission.ts checks them. */
export interface RedriveHint {
  /** The generation that failed. */
  failedGeneration: number | null;
  token?: string;
}

export interface Message extends RedriveHint {
  body: Buffer;
  /** Properties and headers, as message.ts encodes them. */
  properties: string;
  /** Why some headers, perhaps ours, cannot be read or kept. */
  trouble: string | null;
}

/** One message handed to us, until `ack`. It is delivered again when its channel is gone. */
export interface Delivery extends Message {
  /** Epoch ms. */
  receivedAt: number;
  /** Does nothing when its channel is gone. */
  ack(): void;
  /** Leaves it to the broker, unacknowledged, and lets its bytes go. */
  release(): void;
  isGone(): boolean;
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
