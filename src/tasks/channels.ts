/** Where a worker's output and its dead letters go. */
import type { Origin } from '../domain/origin.ts';
import type { TaskFailure } from '../domain/tasks.ts';
import type { Outgoing } from '../workers/call.ts';

/** A dead letter: the bytes and properties of the delivery, and its story. */
export interface Letter {
  claim: string;
  failureClass: TaskFailure;
  /** The worker's own word for the failure. */
  ownClass: string;
  reason: string;
  at: Date;
  attempts: number;
  workflowId: string;
  generation: number;
  token: string;
  body: Buffer;
  properties: string;
  origin: Origin;
}

export interface TaskChannels {
  /**
   * Resolves when the broker has confirmed it. Every copy of an output has the same message id.
   * @throws when it is not confirmed; an error that `isUnpublishable` when it never will be
   */
  publish(outgoing: Outgoing, messageId: string): Promise<void>;
  /** The same for a dead letter; null where the worker has none: then the claim alone tells of it. */
  bury: ((letter: Letter) => Promise<void>) | null;
  isUnpublishable(error: unknown): error is Error;
}
