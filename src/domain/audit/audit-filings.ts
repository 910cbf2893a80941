/**
 * What the legacy system accepted, against what it was allowed to be sent. The Idempotency-Key of a filing names the
 * claim it was sent under, and each journal entry of a claim may be accepted once.
 */
import type { AuditEntry, AuditFiling, Finding, Account, AuditClaim } from './audit-account.ts';
import { claimOfEntry, entryKey, entryNumber, readClaimKey } from '../names.ts';
import { isFailure, mayBeFiled } from '../registrations/outcome.ts';

const NEVER_CLAIMED =
  'filed with the legacy system, but never claimed: by somebody else, or longer ago than mongodb.retention';

/** @param resubmits whether what is in doubt is sent again by itself (legacy.onUnknown: resubmit) */
export function findFiledTwice(
  filings: readonly AuditFiling[],
  entries: readonly AuditEntry[],
  account: Account,
  resubmits: boolean,
): { twice: Finding[]; unexpected: Finding[]; again: number } {
  const idOf = ({ entry }: AuditEntry) => readClaimKey(claimOfEntry(entry))?.id ?? '';
  const journal = Map.groupBy(entries, idOf);
  const filed = Map.groupBy(filings, ({ registration }) => registration);
  const twice: Finding[] = [];
  const unexpected: Finding[] = [];
  let again = 0;
  for (const [id, all] of filed) {
    const generations = account.generationsOf(id);
    if (generations.length === 0) {
      unexpected.push({ id, what: NEVER_CLAIMED });
      continue;
    }
    const allowed = allowedKeys(journal.get(id) ?? [], generations, resubmits);
    const isNamed = all.every(({ key }) => key !== null);
    const entriesAllowed = [...allowed.values()].reduce((sum, count) => sum + count, 0);
    const legitimate = isNamed
      ? legitimateOf(all, allowed)
      : Math.min(all.length, Math.max(entriesAllowed, 1));
    if (all.length > Math.max(legitimate, 1)) {
      const what = `accepted ${all.length} times, of which ${legitimate} on somebody's word`;
      twice.push({ id, what });
    } else if (legitimate === 0) {
      unexpected.push({ id, what: 'accepted under an Idempotency-Key that is not in the journal' });
    }
    again += Math.max(0, legitimate - 1);
  }
  const what = 'registered, but not in the ledger of the legacy system';
  for (const { registration: id, outcome } of account.claims)
    if (outcome?.kind === 'registered' && !filed.has(id)) unexpected.push({ id, what });
  return { twice, unexpected, again };
}

/** Of each key no more than there are entries for it. */
function legitimateOf(
  filings: readonly AuditFiling[],
  allowed: ReadonlyMap<string, number>,
): number {
  const left = new Map(allowed);
  return filings.filter(({ key }) => {
    const count = left.get(key ?? '') ?? 0;
    left.set(key ?? '', count - 1);
    return count > 0;
  }).length;
}

/** How many entries were opened for a reason, by key. A later one than the first needs somebody's word on the one before. */
function allowedKeys(
  entries: readonly AuditEntry[],
  generations: readonly AuditClaim[],
  resubmits: boolean,
): ReadonlyMap<string, number> {
  const byName = new Map(entries.map((entry) => [entry.entry, entry]));
  const byKey = new Map(generations.map((claim) => [claim.key, claim]));
  const allowed = new Map<string, number>();
  for (const { entry, key, isReplaced = false } of entries) {
    const n = entryNumber(entry);
    const claim = byKey.get(claimOfEntry(entry));
    const before = n === 1 ? undefined : byName.get(entryKey(claimOfEntry(entry), n - 1));
    const isAllowed =
      n === 1
        ? claim !== undefined && maySubmit(claim, generations)
        : before !== undefined &&
          ['superseded', 'unknown'].includes(before.state) &&
          (resubmits || before.isDecided === true);
    if (isAllowed && !isReplaced) allowed.set(key, (allowed.get(key) ?? 0) + 1);
  }
  return allowed;
}

/** The first delivery; or the redrive of what had failed, and is neither there still nor in doubt (src/domain/registrations/admission.ts). */
function maySubmit({ generation }: AuditClaim, generations: readonly AuditClaim[]): boolean {
  if (generation === 0) return true;
  const previous = generations.find((each) => each.generation === generation - 1);
  // It may have gone with mongodb.retention.
  if (previous === undefined) return true;
  const before = previous.outcome;
  return before !== null && isFailure(before.kind) && !mayBeFiled(before);
}
