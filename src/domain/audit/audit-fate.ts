import type { Account, AuditClaim } from './audit-account.ts';
import { isFailure, type OutcomeKind } from '../registrations/outcome.ts';

/** Where a claim has got to. */
export type Fate =
  | { kind: 'settled'; as: OutcomeKind }
  /** Settled as failure, which is when the broker had confirmed its record; and the record is not in the queue any more. */
  | { kind: 'taken'; claim: AuditClaim; as: OutcomeKind }
  | { kind: 'setAside' | 'in doubt' | 'open' }
  | { kind: 'lost'; what: string };

/** Follows a redriven claim to the one that went on with it. */
export function fateOf(claim: AuditClaim, account: Account): Fate {
  const { key, registration, outcome } = claim;
  if (account.setAside.has(key)) return { kind: 'setAside' };
  if (outcome === null || !claim.settled) {
    return { kind: account.doubts.has(key) ? 'in doubt' : 'open' };
  }
  const as = outcome.kind;
  if (!isFailure(as)) {
    if (account.registered.has(registration)) return { kind: 'settled', as };
    return { kind: 'lost', what: 'registered, but its document in MongoDB does not say so' };
  }
  if (account.records.get(key)?.has(as) === true) return { kind: 'settled', as };
  if (account.forged.has(key)) {
    return { kind: 'lost', what: `${as}, but its failure record has the bytes of another message` };
  }
  const successor = account.successorOf(claim);
  if (successor !== null) return fateOf(successor, account);
  return { kind: 'taken', claim, as };
}
