/** What an audit looks things up in: claims by registration, failure records by claim. */
import type { AuditInput, Finding } from './audit.ts';
import { claimOfFailure, malformedKey, readClaimKey } from '../names.ts';
import type { OutcomeKind } from '../registrations/outcome.ts';

/** A claim without its message. */
export interface AuditClaim {
  key: string;
  registration: string;
  generation: number;
  conflict: boolean;
  bodyHash: string;
  workflowId: string;
  /** Epoch ms. */
  claimedAt: number;
  outcome: {
    kind: OutcomeKind;
    /** See Outcome. */
    ours?: true;
    requestId: string | null;
    isAccepted: boolean;
    doubt: boolean;
  } | null;
  settled: boolean;
  /** Epoch ms; null while it is not. */
  settledAt: number | null;
  /** Its record was taken out of the failure queue for good, by "failures drop". */
  isDropped?: boolean;
}

export interface Account {
  claims: readonly AuditClaim[];
  registered: ReadonlyMap<string, number | null>;
  doubts: ReadonlySet<string>;
  unroutable: ReadonlySet<string>;
  /** The classes of the distinct records in the failure queue, by claim. */
  records: ReadonlyMap<string, ReadonlySet<string>>;
  /** The claims whose record has other bytes than their message. */
  forged: ReadonlySet<string>;
  malformed: ReadonlySet<string>;
  copies: number;
  /** Claims that went on with what an earlier one had left. */
  redriven: number;
  unexpected: readonly Finding[];
  /** The claims on a registration that are no conflicts, oldest first. */
  generationsOf(registration: string): readonly AuditClaim[];
  /** The latest claim on this id with this body; of one generation a conflict only where no other has it. */
  claimOf(registration: string, bodyHash: string): AuditClaim | null;
  /** The claim that went on with what a failed one left, when it was redriven: perhaps mended, with another body. */
  successorOf(claim: AuditClaim): AuditClaim | null;
  isMalformed(bodyHash: string): boolean;
  /** Of a delivery that was none, whether its record is still in the failure queue or not; null where nobody noted it. */
  malformedNote(bodyHash: string): { isDropped: boolean } | null;
  isInRun(id: string, hash: string): boolean;
  isStranded(claim: AuditClaim): boolean;
}

export function openAccount(input: AuditInput): Account {
  const generations = new Map<string, AuditClaim[]>();
  const byBody = new Map<string, AuditClaim>();
  const bodyKey = (registration: string, hash: string) => `${hash} ${registration}`;
  const conflicts = new Set<string>();
  const inOrder = [...input.claims].sort((a, b) => a.generation - b.generation);
  for (const claim of inOrder) {
    const key = bodyKey(claim.registration, claim.bodyHash);
    const before = byBody.get(key);
    const isLater = before === undefined || claim.generation > before.generation;
    if (isLater || !claim.conflict) byBody.set(key, claim);
    if (claim.conflict) {
      conflicts.add(key);
      continue;
    }
    const list = generations.get(claim.registration) ?? [];
    generations.set(claim.registration, [...list, claim]);
  }
  const known = new Map(input.claims.map(({ key, bodyHash }) => [key, bodyHash]));
  const inRuns = new Set(input.unclaimed.map(({ id, hash }) => bodyKey(id, hash)));
  const { records, forged, malformed, copies, unexpected } = readRecords(input.failures, known);
  const latestOf = (registration: string) => generations.get(registration)?.at(-1) ?? null;
  const claimOf = (registration: string, hash: string) =>
    byBody.get(bodyKey(registration, hash)) ?? null;

  return {
    claims: input.claims,
    registered: input.registered,
    doubts: input.doubts,
    unroutable: input.unroutable,
    records,
    forged,
    malformed,
    copies,
    redriven: input.claims.filter(({ conflict, generation }) => !conflict && generation > 0).length,
    unexpected,
    generationsOf: (registration) => generations.get(registration) ?? [],
    claimOf,
    successorOf(claim) {
      const next = claim.conflict
        ? claimOf(claim.registration, claim.bodyHash)
        : latestOf(claim.registration);
      if (next === null || next.conflict) return null;
      // Not mended: another message, which was a conflict with this one and has had its turn.
      const isOther = next.bodyHash !== claim.bodyHash;
      if (isOther && conflicts.has(bodyKey(next.registration, next.bodyHash))) return null;
      return claim.conflict || next.generation > claim.generation ? next : null;
    },
    // Set aside where the failure queue could never take it.
    isMalformed: (hash) =>
      malformed.has(malformedKey(hash)) || input.unroutable.has(malformedKey(hash)),
    malformedNote: (hash) => input.malformed.get(malformedKey(hash)) ?? null,
    isInRun: (id, hash) => inRuns.has(bodyKey(id, hash)),
    isStranded: ({ workflowId }) => input.closedRuns.has(workflowId),
  };
}

/** @param known the SHA-256 of each claim's message */
function readRecords(failures: AuditInput['failures'], known: ReadonlyMap<string, string>) {
  const records = new Map<string, Set<string>>();
  const forged = new Set<string>();
  const malformed = new Set<string>();
  const seen = new Set<string>();
  const unexpected: Finding[] = [];
  let copies = 0;
  for (const { messageId, failureClass, hash } of failures) {
    if (messageId !== null && seen.has(messageId)) {
      copies += 1;
      continue;
    }
    if (messageId !== null) seen.add(messageId);
    const claim =
      messageId === null || failureClass === null ? null : claimOfFailure(messageId, failureClass);
    if (claim !== null && failureClass === 'malformed') malformed.add(claim);
    else if (claim !== null && failureClass !== null && known.has(claim)) {
      if (known.get(claim) !== hash) {
        const id = readClaimKey(claim)?.id ?? claim;
        forged.add(claim);
        unexpected.push({ id, what: 'its failure record has other bytes than its message' });
        continue;
      }
      records.set(claim, new Set([...(records.get(claim) ?? []), failureClass]));
    } else {
      const id = (claim === null ? null : readClaimKey(claim)?.id) ?? messageId ?? 'unnamed';
      unexpected.push({
        id,
        what: 'in the failure queue without a claim: put there by somebody else, or older than mongodb.retention',
      });
    }
  }
  return { records, forged, malformed, copies, unexpected };
}
