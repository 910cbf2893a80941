/** Documents as MongoDB has them, for tests that put them there themselves. */
import { binary } from '../../src/claims/claims.ts';
import type { Claim } from '../../src/claims/claims.ts';
import { claimKey, entryKey } from '../../src/domain/names.ts';
import type { JournalState } from '../../src/domain/registrations/entry.ts';
import type { Entry } from '../../src/registrations/journal.ts';

/** An open claim on an id; of generation 0, if nothing else is said. */
export function storedClaim(id: string, changes: Partial<Claim> = {}): Claim {
  const generation = changes.generation ?? 0;
  const now = new Date();
  const _id = claimKey(id, generation);
  return {
    _id,
    item: id,
    generation,
    conflict: false,
    token: `token of ${id}~${generation}`,
    workflowId: `registrations/${id}/4f1c`,
    index: 0,
    bodyHash: 'a'.repeat(64),
    message: { body: binary(''), properties: '' },
    receivedAt: now,
    claimedAt: now,
    entry: entryKey(_id, 1),
    outcome: null,
    settledAt: null,
    ...changes,
  };
}

/** The n-th entry under a claim, answered just now. */
export function storedEntry(
  claim: string,
  state: JournalState,
  n = 1,
  changes: Partial<Entry> = {},
): Entry {
  const now = new Date();
  return {
    _id: entryKey(claim, n),
    state,
    token: 't',
    at: now,
    tries: 1,
    requestId: state === 'accepted' ? `request id of ${claim}` : null,
    reason: null,
    answeredAt: now,
    operator: null,
    ...changes,
  };
}
