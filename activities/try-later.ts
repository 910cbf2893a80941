import { ApplicationFailure } from '@temporalio/common';

/** What an attempt got instead of answers; `retryAfter`: ms that somebody asked to be left alone for. */
export interface Unanswered {
  reason: string;
  retryAfter: number | null;
}

/** For an attempt that got no answer at all: Temporal's retry policy is the backoff, or the longest rest that was asked for. */
export function tryLater(
  type: string,
  what: string,
  unanswered: readonly Unanswered[],
): ApplicationFailure {
  const rest = Math.max(0, ...unanswered.map(({ retryAfter }) => retryAfter ?? 0));
  return ApplicationFailure.create({
    type,
    message: `${what}: ${unanswered[0]?.reason ?? 'the worker was stopping'}`,
    ...(rest > 0 ? { nextRetryDelay: rest } : {}),
  });
}
