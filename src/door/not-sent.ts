/**
 * `refused`: the message, or the setting that forbids it, must change first. `unavailable`: nothing was sent; the broker is away.
 * `unconfirmed`: the broker has perhaps taken it.
 */
export type NotSent = 'refused' | 'unavailable' | 'unconfirmed';

/** A message was not confirmed. Sent again under the same id, it is handled once. */
export class NotSentError extends Error {
  override readonly name = 'NotSentError';
  readonly kind: NotSent;
  /** The message id; null where it has not got so far. */
  readonly id: string | null;
  /** When to ask again, ms. */
  readonly retryAfter: number | null;

  constructor(
    message: string,
    more: { kind: NotSent; id?: string; retryAfter?: number; cause?: unknown },
  ) {
    super(message, more.cause === undefined ? {} : { cause: more.cause });
    this.kind = more.kind;
    this.id = more.id ?? null;
    this.retryAfter = more.retryAfter ?? null;
  }
}
