import type { Account, AuditClaim } from './audit-account.ts';
import type { Finding } from './audit.ts';
import { isFailure } from './outcome.ts';

/** A claim ends once: in one failure record or in MongoDB, and under a request id of its own. */
export function findSettledTwice(account: Account): Finding[] {
  const findings: Finding[] = [];
  for (const claim of account.claims) {
    const { key, registration: id, outcome } = claim;
    const kinds = [...(account.records.get(key) ?? [])];
    if (kinds.length > 1) {
      findings.push({ id, what: `in the failure queue as ${kinds.sort().join(' and as ')}` });
    } else if (kinds.length === 1 && outcome !== null && kinds[0] !== outcome.kind) {
      findings.push({
        id,
        what: `ended as ${outcome.kind}, and is in the failure queue as ${kinds[0]}`,
      });
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
  return [...findings, ...findShared(account.claims)];
}

/**
 * A request id is one registration's: where the legacy system has given it to two, both were polled under it, and what it
 * has of the one was told of the other, too. The same registration may get it again: redriven, or by an idempotent system.
 */
function findShared(claims: readonly AuditClaim[]): Finding[] {
  const owners = new Map<string, Set<string>>();
  for (const { registration, outcome } of claims) {
    const requestId = outcome?.requestId ?? null;
    if (requestId === null) continue;
    owners.set(requestId, (owners.get(requestId) ?? new Set()).add(registration));
  }
  const what = 'settled under a request id that the legacy system has given to another one, too';
  return [...owners.values()]
    .filter(({ size }) => size > 1)
    .flatMap((ids) => [...ids].map((id) => ({ id, what })));
}
