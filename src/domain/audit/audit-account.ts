import { claimOfFailure, malformedKey, readClaimKey } from '../names.ts';
import type { JournalState } from '../registrations/entry.ts';
import type { OutcomeKind } from '../registrations/outcome.ts';

export interface AuditFiling {
  registration: string;
  /** The Idempotency-Key it came with, if the legacy system kept it. */
  key: string | null;
}

/** An entry of the journal, with the Idempotency-Key that belongs to it. */
export interface AuditEntry {
  entry: string;
  key: string;
  state: JournalState;
  /** A person, or a look-up, has said what became of it. */
  isDecided?: boolean;
  /** A look-up did not find it, and the next entry took its place: nothing may be filed under it. */
  isReplaced?: boolean;
}

/** Something that must not be, about one registration. */
export interface Finding {
  id: string;
  what: string;
}

export interface AuditInput {
  /** What the broker confirmed, by id and SHA-256 of the body, hex; null when nobody kept a ledger of it. */
  published: { id: string | null; hash: string }[] | null;
  claims: AuditClaim[];
  /** The registrations whose document in MongoDB says so, with the time it holds, epoch ms; null where it is not ours. */
  registered: ReadonlyMap<string, number | null>;
  /** Every message of the failure queue, with the SHA-256 of its body. */
  failures: {
    messageId: string | null;
    failureClass: string | null;
    token: string | null;
    hash: string;
  }[];
  /** Claims in doubt, and claims whose outcome was set aside because it can never reach its destination. */
  doubts: ReadonlySet<string>;
  setAside: ReadonlySet<string>;
  /** Noted deliveries that were no registrations, by malformedKey: the broker had confirmed the record of each. */
  malformed: ReadonlyMap<string, { isDropped: boolean }>;
  /** What open runs began with and may not have claimed yet. */
  unclaimed: { id: string; hash: string }[];
  /** Open runs, by workflow id, of which nobody here can read what they bring, and why. */
  unreadable: Finding[];
  /** Workflow ids of claims that are open though their run is not. */
  closedRuns: ReadonlySet<string>;
  /** Messages that wait in the intake queue and in the one of returned messages. */
  waiting: number;
  /** What the legacy system says it accepted; null when it cannot be asked. */
  filings: AuditFiling[] | null;
  entries: AuditEntry[];
  /** See legacy.uniqueRequestIds. */
  uniqueRequestIds: boolean;
  /** See legacy.onUnknown. */
  resubmits: boolean;
}

/** A claim without its message. */
export interface AuditClaim {
  key: string;
  registration: string;
  generation: number;
  conflict: boolean;
  /** Its failure record has the same. */
  token: string;
  bodyHash: string;
  workflowId: string;
  /** Epoch ms. */
  claimedAt: number;
  outcome: {
    kind: OutcomeKind;
    /** See Outcome. */
    ours?: true;
    requestId: string | null;
    doubt: boolean;
  } | null;
  settled: boolean;
  /** Epoch ms; null while it is not. */
  settledAt: number | null;
  /** Its record was taken out of the failure queue for good, by "failures drop". */
  isDropped?: boolean;
}

export type Account = ReturnType<typeof openAccount>;

export function openAccount(input: AuditInput) {
  const { claims, registered, doubts, setAside } = input;
  const bodyKey = (registration: string, hash: string) => `${hash} ${registration}`;
  const keyOf = ({ registration, bodyHash }: AuditClaim) => bodyKey(registration, bodyHash);
  const inOrder = [...claims].sort((a, b) => a.generation - b.generation);
  const byBody = new Map<string, AuditClaim>();
  for (const claim of inOrder) {
    const before = byBody.get(keyOf(claim));
    const isLater = before === undefined || claim.generation > before.generation;
    if (isLater || !claim.conflict) byBody.set(keyOf(claim), claim);
  }
  const conflicts = new Set(claims.filter(({ conflict }) => conflict).map(keyOf));
  const others = inOrder.filter(({ conflict }) => !conflict);
  const generations = Map.groupBy(others, ({ registration }) => registration);
  const known = new Map(claims.map((claim) => [claim.key, claim]));
  const inRuns = new Set(input.unclaimed.map(({ id, hash }) => bodyKey(id, hash)));
  const found = readRecords(input.failures, known);
  /** The latest claim on this id with this body; of one generation a conflict only where no other has it. */
  const claimOf = (registration: string, hash: string): AuditClaim | null =>
    byBody.get(bodyKey(registration, hash)) ?? null;

  return {
    ...{ claims, registered, doubts, setAside },
    ...found,
    /** Claims that went on with what an earlier one had left. */
    redriven: others.filter(({ generation }) => generation > 0).length,
    /** The claims on a registration that are no conflicts, oldest first. */
    generationsOf: (registration: string) => generations.get(registration) ?? [],
    claimOf,
    /** The claim that went on with what a failed one left, when it was redriven: perhaps mended, with another body. */
    successorOf(claim: AuditClaim): AuditClaim | null {
      const next = claim.conflict
        ? claimOf(claim.registration, claim.bodyHash)
        : generations.get(claim.registration)?.at(-1);
      if (!next || next.conflict) return null;
      // Not mended: another message, which was a conflict with this one and has had its turn.
      const isOther = next.bodyHash !== claim.bodyHash;
      if (isOther && conflicts.has(keyOf(next))) return null;
      return claim.conflict || next.generation > claim.generation ? next : null;
    },
    isMalformed: (hash: string) =>
      // Set aside where the failure queue could never take it.
      [found.malformed, setAside].some((each) => each.has(malformedKey(hash))),
    /** Of a delivery that was none, whether its record was dropped; null where nobody noted it. */
    malformedNote: (hash: string) => input.malformed.get(malformedKey(hash)) ?? null,
    isInRun: (id: string, hash: string) => inRuns.has(bodyKey(id, hash)),
    isStranded: ({ workflowId }: AuditClaim) => input.closedRuns.has(workflowId),
  };
}

const OF_NO_CLAIM =
  'in the failure queue without a claim: put there by somebody else, or older than mongodb.retention';

const OF_ANOTHER =
  'in the failure queue without the token of its claim: put there by somebody else, or changed on the way';

/** @param known the claims by their keys */
function readRecords(failures: AuditInput['failures'], known: ReadonlyMap<string, AuditClaim>) {
  /** The classes of the distinct records in the failure queue, by claim. */
  const records = new Map<string, Set<string>>();
  /** The claims whose record has other bytes than their message. */
  const forged = new Set<string>();
  const malformed = new Set<string>();
  const seen = new Set<string>();
  const unexpected: Finding[] = [];
  let copies = 0;
  for (const { messageId, failureClass, token, hash } of failures) {
    const claim =
      messageId === null || failureClass === null ? null : claimOfFailure(messageId, failureClass);
    const id = (claim === null ? null : readClaimKey(claim)?.id) ?? messageId ?? 'unnamed';
    const own = known.get(claim ?? '');
    if (own !== undefined && own.token !== token) {
      unexpected.push({ id, what: OF_ANOTHER });
      continue;
    }
    if (messageId !== null && seen.has(messageId)) {
      copies += 1;
      continue;
    }
    if (messageId !== null) seen.add(messageId);
    if (claim !== null && failureClass === 'malformed') malformed.add(claim);
    else if (claim !== null && failureClass !== null && own !== undefined) {
      if (own.bodyHash !== hash) {
        forged.add(claim);
        unexpected.push({ id, what: 'its failure record has other bytes than its message' });
        continue;
      }
      records.set(claim, new Set([...(records.get(claim) ?? []), failureClass]));
    } else unexpected.push({ id, what: OF_NO_CLAIM });
  }
  return { records, forged, malformed, copies, unexpected };
}
