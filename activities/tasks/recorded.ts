import { MOST_DEATHS, isTransient, type HandleAnswer } from '../../src/domain/tasks.ts';
import type { TaskClaim } from '../../src/tasks/claims.ts';

/** The answer of an attempt that its claim knows already: it was written down, and its way to the run was lost. Null: it has not ended. */
export function recordedAnswer(
  { index, attempt }: { index: number; attempt: number },
  claim: TaskClaim | undefined,
): HandleAnswer | null {
  if (claim === undefined) return null;
  const { settledAt, result, attempts, error, outcome, deaths = 0 } = claim;
  if (settledAt !== null) return { index, kind: 'done' };
  if (outcome !== null && outcome.kind !== 'done')
    return { index, kind: 'failed', failure: outcome.kind };
  if (result !== undefined) return { index, kind: 'recorded' };
  if (deaths > MOST_DEATHS) return { index, kind: 'failed', failure: 'crashed' };
  if (attempts < attempt || error === null) return null;
  const { failure, retryAt } = error;
  if (!isTransient(failure)) return { index, kind: 'failed', failure };
  const retryAfter = retryAt === undefined ? null : Math.max(0, retryAt.getTime() - Date.now());
  return { index, kind: 'again', failure, retryAfter };
}
