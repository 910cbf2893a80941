import type { Finding, Account, AuditClaim } from './audit-account.ts';
import { isFailure } from '../registrations/outcome.ts';

/** A claim ends once: in one failure record or in MongoDB, and, where request ids are unique, under one of its own. */
export function findSettledTwice(account: Account, uniqueRequestIds: boolean): Finding[] {
  const findings: Finding[] = [];
  for (const claim of account.claims) {
    const { key, registration: id, outcome } = claim;
    const kinds = [...(account.records.get(key) ?? [])];
    if (kinds.length > 1) {
      findings.push({ id, what: `in the failure queue as ${kinds.sort().join(' and as ')}` });
    } else if (kinds.length === 1 && outcome !== null && kinds[0] !== outcome.kind) {
      const what = `ended as ${outcome.kind}, and is in the failure queue as ${kinds[0]}`;
      findings.push({ id, what });
    }
  }
  for (const [id, at] of account.registered) {
    const generations = account.generationsOf(id);
    const last = generations.at(-1);
    if (last === undefined || last.outcome === null || !last.settled) continue;
    if (!isFailure(last.outcome.kind)) continue;
    // An older document is of an earlier registration, whose claims have gone with mongodb.retention.
    if (at === null || at < Math.min(...generations.map(({ claimedAt }) => claimedAt))) continue;
    findings.push({ id, what: `ended as ${last.outcome.kind}, and is registered in MongoDB` });
  }
  return uniqueRequestIds ? [...findings, ...findShared(account.claims)] : findings;
}

/**
 * A request id is one registration's: where the legacy system has given it to two at a time, both were polled under it, and
 * what it has of the one was told of the other, too. The same registration may get it again (redriven, or by an idempotent
 * system), and so may another one later: a legacy system that was set up anew, such as the simulator, begins its ids again.
 */
function findShared(claims: readonly AuditClaim[]): Finding[] {
  const shared = new Set<string>();
  /** By request id: of the claims so far, the one that was under way longest. */
  const holders = new Map<string, AuditClaim>();
  for (const claim of [...claims].sort((a, b) => a.claimedAt - b.claimedAt)) {
    const requestId = claim.outcome?.requestId ?? null;
    if (requestId === null) continue;
    const holder = holders.get(requestId) ?? claim;
    const isAtOnce = claim.claimedAt < endOf(holder);
    if (isAtOnce && claim.registration !== holder.registration) {
      shared.add(holder.registration).add(claim.registration);
    }
    holders.set(requestId, endOf(claim) > endOf(holder) ? claim : holder);
  }
  const what = 'settled under a request id that the legacy system has given to another one, too';
  return [...shared].map((id) => ({ id, what }));
}

const endOf = ({ settledAt }: AuditClaim): number => settledAt ?? Infinity;
