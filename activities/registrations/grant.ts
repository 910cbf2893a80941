import type { Claim, ClaimOutcome } from '../../src/claims/claims.ts';
import { entryKey } from '../../src/domain/names.ts';
import { isOpenThere } from '../../src/domain/registrations/outcome.ts';
import type { Granted } from '../../src/domain/registrations/takeover.ts';

/**
 * How a new claim begins, by how the generation before it ended: what the legacy system had accepted goes on being polled;
 * what it may have is in doubt; the rest is POSTed.
 */
export function granted(
  index: number,
  { _id }: Pick<Claim, '_id'>,
  before: ClaimOutcome | null,
): Granted {
  const entry = entryKey(_id, 1);
  if (before === null) return { index, kind: 'claimed', claim: _id, entry };
  if (before.doubt) return { index, kind: 'in-doubt', claim: _id, entry: before.entry };
  const { requestId, acceptedAt } = before;
  if (!isOpenThere(before) || requestId === null || acceptedAt === null) {
    return { index, kind: 'claimed', claim: _id, entry };
  }
  return {
    index,
    kind: 'resumed',
    claim: _id,
    entry: before.entry,
    requestId,
    acceptedAt: acceptedAt.getTime(),
  };
}
