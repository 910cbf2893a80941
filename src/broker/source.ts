/** A source delivers messages to an intake, whatever the broker is. */

/** The headers by which a message claims to be a redrive. Anyone can write them: domain/registrations/admission.ts checks. */
export interface RedriveHint {
  /** The generation that failed. */
  failedGeneration: number | null;
  token?: string;
}

export interface Message extends RedriveHint {
  body: Buffer;
  /** Properties and headers, as the broker's room has encoded them, and reads them again for a dead letter. */
  properties: string;
  /** Why not all headers can be read, or kept: one of ours may be among them. */
  trouble: string | null;
}

/** One message handed to us. It stays ours until `ack`, or until its channel is gone: then it is delivered again. */
export interface Delivery extends Message {
  /** Epoch ms. */
  receivedAt: number;
  /** Acknowledges it where it came from. A no-op when that is gone. */
  ack(): void;
  /** Its bytes are let go, and it is left to the broker, unacknowledged. */
  release(): void;
  isGone(): boolean;
}

export interface Source {
  /** Stops taking more, keeping what is held: given back, each would count against its delivery limit. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  isReady(): boolean;
  /** The broker takes back each message that was not acknowledged. */
  close(): Promise<void>;
}

/** Opens a source that takes nothing before its first `resume`. */
export type OpenSource = (onDelivery: (delivery: Delivery) => void) => Promise<Source>;
