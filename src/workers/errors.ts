/** How a handler says what its failure means. Every other error is temporary. */
import { milliseconds, type Duration } from '../runtime/duration.ts';
import { refuseUnknown } from './check-options.ts';

/** Known by a mark: a project may have this package twice, and then `instanceof` does not know the errors of the other one. */
const MEANING = Symbol.for('despachante.meaning');

export interface PermanentOptions extends ErrorOptions {
  /** Failures are grouped by it. The name of the error's class unless it is given. */
  class?: string;
}

export interface TemporaryOptions extends PermanentOptions {
  /** The rest before the next attempt. It wins over the retry rules. */
  retryAfter?: Duration;
}

/** No further attempt would help: the message becomes a dead letter now. */
export class PermanentError extends Error {
  readonly [MEANING] = 'permanent';
  readonly class: string;

  /** @throws TypeError where an option does not exist */
  constructor(message: string, options: PermanentOptions = {}) {
    refuseUnknown('PermanentError', options, ['class', 'cause']);
    super(message, options);
    this.name = new.target.name;
    this.class = options.class ?? this.name;
  }
}

/** It may pass: another attempt is made, as after any error. Thrown for a whole batch, it is no fault of one of its messages. */
export class TemporaryError extends Error {
  readonly [MEANING] = 'temporary';
  readonly class: string;
  /** ms; null where the retry rules decide. */
  readonly retryAfter: number | null;

  /** @throws TypeError where `retryAfter` is no duration, or an option does not exist */
  constructor(message: string, options: TemporaryOptions = {}) {
    refuseUnknown('TemporaryError', options, ['class', 'retryAfter', 'cause']);
    super(message, options);
    this.name = new.target.name;
    this.class = options.class ?? this.name;
    this.retryAfter = options.retryAfter === undefined ? null : restOf(options.retryAfter);
  }
}

function restOf(text: string): number {
  const rest = milliseconds(text);
  if (Number.isNaN(rest))
    throw new TypeError(`retryAfter is a duration with its unit, such as 30s, not ${text}`);
  return rest;
}

/**
 * What a handler returns for "again, please": it uses up an attempt, as a `TemporaryError` that is thrown.
 * @throws TypeError where `after` is no duration, or an option does not exist
 */
export function retry(why: string, options: { after?: Duration } = {}): TemporaryError {
  refuseUnknown('retry()', options, ['after']);
  const { after } = options;
  return new TemporaryError(why, {
    class: 'retry',
    ...(after === undefined ? {} : { retryAfter: after }),
  });
}

/**
 * What a handler returns for "never": the message becomes a dead letter, as after a `PermanentError` that is thrown.
 * @throws TypeError where it is given options: there are none
 */
export function reject(why: string, none: Record<string, never> = {}): PermanentError {
  refuseUnknown('reject()', none, []);
  return new PermanentError(why, { class: 'reject' });
}

export const isPermanent = (error: unknown): error is PermanentError =>
  error instanceof Error && MEANING in error && error[MEANING] === 'permanent';

export const isTemporary = (error: unknown): error is TemporaryError =>
  error instanceof Error && MEANING in error && error[MEANING] === 'temporary';
