import type { Account, AuditClaim } from './audit-account.ts';
import { isFailure } from './outcome.ts';
import type { OutcomeKind } from './outcome.ts';

/** Where a claim has got to. */
export type Fate =
  | { kind: 'settled'; as: OutcomeKind }
  | { kind: 'unroutable' | 'in doubt' | 'open' }
  /** `missing` may be on its way in again, `lost` may not. */
  | { kind: 'lost' | 'missing'; what: string };

/** Follows a redriven claim to the one that went on with it. */
export function fateOf(claim: AuditClaim, account: Account): Fate {
  const { key, registration, outcome } = claim;
  if (account.unroutable.has(key)) return { kind: 'unroutable' };
  if (outcome === null || !claim.settled) {
    return { kind: account.doubts.has(key) ? 'in doubt' : 'open' };
  }
  if (!isFailure(outcome.kind)) {
    if (account.registered.has(registration)) return { kind: 'settled', as: outcome.kind };
    return { kind: 'lost', what: 'registered, but its document in MongoDB does not say so' };
  }
  if (account.records.get(key)?.has(outcome.kind) === true)
    return { kind: 'settled', as: outcome.kind };
  const successor = account.successorOf(claim);
  if (successor !== null) return fateOf(successor, account);
  const what = `${outcome.kind}, but its record is not in the failure queue, and nobody redrove it`;
  return { kind: 'missing', what };
}
