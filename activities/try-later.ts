import { ApplicationFailure } from '@temporalio/common';

/**
 * For an attempt that got no answer at all: Temporal's retry policy is the backoff, or the longest rest that was asked for.
 * @param unanswered what it got instead; `retryAfter`: a rest that was asked for, ms
 */
export function tryLater(
  type: string,
  what: string,
  unanswered: readonly { reason: string; retryAfter: number | null }[],
): ApplicationFailure {
  const rest = Math.max(0, ...unanswered.map(({ retryAfter }) => retryAfter ?? 0));
  return ApplicationFailure.create({
    type,
    message: `${what}: ${unanswered[0]?.reason ?? 'the worker was stopping'}`,
    ...(rest > 0 ? { nextRetryDelay: rest } : {}),
  });
}
