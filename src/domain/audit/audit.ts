/**
 * The sum that proves the promises: what the broker confirmed = registered + failed + in doubt + in flight, each once. Exact for
 * a system at rest; while it works, what moved between two readings may be counted as in flight.
 */
import {
  openAccount,
  type AuditInput,
  type Finding,
  type Account,
  type AuditClaim,
} from './audit-account.ts';
import { findFiledTwice } from './audit-filings.ts';
import { findSettledTwice } from './audit-settled.ts';
import { isFailure, type FailureClass, type OutcomeKind } from '../registrations/outcome.ts';

export type AuditReport = ReturnType<typeof openReport>;

function openReport(input: AuditInput, account: Account, units: readonly Unit[]) {
  const failed: Partial<Record<FailureClass, number>> = {};
  const none = (): Finding[] => [];
  return {
    /** Distinct messages, by id and body; null without a ledger of them. */
    confirmed: input.published === null ? null : units.length,
    /** Confirmed more than once, under the same id and with the same body. */
    repeated: (input.published?.length ?? units.length) - units.length,
    registered: 0,
    failed,
    inDoubt: 0,
    /** Claimed, in a run that has not claimed yet, or in a queue. */
    inFlight: { claimed: 0, inRuns: 0, waiting: 0 },
    /** Deliveries that are not claimed yet, copies of what is accounted for among them: at rest there are none. */
    moving: { queued: input.waiting, unclaimed: input.unclaimed.length },
    setAside: 0,
    /**
     * Failures among `failed` whose record is not in the failure queue any more: the broker had confirmed each, so that it was
     * delivered. `dropped` by "failures drop"; `byOthers`: consumed, purged, expired, or dropped by a limit of the queue. Beside
     * them `redriven`: taken to go in again, and counted where they got to.
     */
    taken: { redriven: account.redriven, dropped: 0, byOthers: 0 },
    /** Distinct records of deliveries that were no registrations; without a ledger beside the sum, since they have no id. */
    malformed: account.malformed.size,
    /** Copies of records in the failure queue, beyond the first of each: told by their messageId, and harmless. */
    copies: account.copies,
    lost: none(),
    filedTwice: none(),
    settledTwice: findSettledTwice(account, input.uniqueRequestIds),
    /** In flight, but the run that had them is gone. */
    stranded: none(),
    /**
     * Confirmed without an id, and neither a record in the failure queue nor a note of ours that there was one (MongoDB may have
     * been away): taken from the queue by others, or lost.
     */
    untraced: none(),
    /** What is nobody's fault here, and still worth a look. */
    unexpected: [...account.unexpected],
    /** Accepted again on somebody's word: a redrive of what had failed, an operator's "resubmit". */
    filedAgain: 0,
    /** Runs that may bring what is called lost or untraced: as long as there are any, the sum is not proven. */
    unreadable: input.unreadable,
    holds: false,
  };
}

export function audit(input: AuditInput): AuditReport {
  const account = openAccount(input);
  const units =
    input.published === null ? claimedUnits(account) : publishedUnits(input.published, account);
  const report = openReport(input, account, units);
  const missing: Missing = { lost: [], untraced: [], taken: [] };
  for (const unit of units) count(unit, account, report, missing);
  report.inFlight.waiting = takeOutWaiting(missing, input.waiting);
  report.lost.push(...missing.lost);
  report.untraced.push(...missing.untraced);
  for (const { isDropped, as } of missing.taken) {
    add(report, as);
    report.taken[isDropped ? 'dropped' : 'byOthers'] += 1;
  }
  if (input.filings !== null) {
    const filed = findFiledTwice(input.filings, input.entries, account, input.resubmits);
    report.filedTwice = filed.twice;
    report.filedAgain = filed.again;
    report.unexpected.push(...filed.unexpected);
  }
  const { lost, filedTwice, settledTwice, stranded, unreadable } = report;
  const faults = [lost, filedTwice, settledTwice, stranded, unreadable];
  report.holds = faults.every((findings) => findings.length === 0);
  return report;
}

/** What is in no place that can be read, and may wait in a queue. */
interface Missing {
  lost: Finding[];
  untraced: Finding[];
  taken: { isDropped: boolean; as: OutcomeKind }[];
}

/**
 * Which of the missing are those that wait cannot be told from outside: the queue is not read. So nothing is called lost as
 * long as it may be among them. Returns how many were taken for such.
 */
function takeOutWaiting({ lost, untraced, taken }: Missing, waiting: number): number {
  let left = waiting;
  for (const some of [lost, untraced, taken]) left -= some.splice(0, left).length;
  return waiting - left;
}

/** One thing to account for: a message that was confirmed, or without a ledger a claim. */
interface Unit {
  id: string | null;
  hash: string;
  claim: AuditClaim | null;
}

function publishedUnits(published: Omit<Unit, 'claim'>[], account: Account): Unit[] {
  const units = new Map<string, Unit>();
  for (const { id, hash } of published) {
    const claim = id === null ? null : account.claimOf(id, hash);
    units.set(`${hash} ${id ?? ''}`, { id, hash, claim });
  }
  return [...units.values()];
}

const UNTRACED =
  'no registration, and no record of it in the failure queue: taken by others, or lost';

/** The latest generation of each registration, and the conflicts. */
function claimedUnits(account: Account): Unit[] {
  const latestOf = (claim: AuditClaim) => account.claimOf(claim.registration, claim.bodyHash);
  const current = new Set(account.claims.flatMap((claim) => latestOf(claim) ?? []));
  return [...current].map((claim) => ({ id: claim.registration, hash: claim.bodyHash, claim }));
}

function count(unit: Unit, account: Account, report: AuditReport, missing: Missing): void {
  const { id, hash, claim } = unit;
  if (claim === null) {
    const noted = account.malformedNote(hash);
    if (account.isMalformed(hash)) add(report, 'malformed');
    else if (id !== null && account.isInRun(id, hash)) report.inFlight.inRuns += 1;
    else if (noted !== null) missing.taken.push({ ...noted, as: 'malformed' });
    else if (id === null) missing.untraced.push({ id: hash, what: UNTRACED });
    else missing.lost.push({ id, what: 'confirmed by the broker, and nowhere to be found' });
    return;
  }
  const { registration } = claim;
  const fate = fateOf(claim, account);
  switch (fate.kind) {
    case 'settled':
      return add(report, fate.as);
    case 'taken':
      missing.taken.push({ isDropped: fate.claim.isDropped === true, as: fate.as });
      return;
    case 'setAside':
    case 'inDoubt':
      report[fate.kind] += 1;
      return;
    case 'open':
      report.inFlight.claimed += 1;
      if (account.isStranded(claim))
        report.stranded.push({ id: registration, what: 'claimed by a run that is closed or gone' });
      return;
    case 'lost':
      report.lost.push({ id: registration, what: fate.what });
  }
}

function add(report: AuditReport, kind: OutcomeKind): void {
  if (isFailure(kind)) report.failed[kind] = (report.failed[kind] ?? 0) + 1;
  else report.registered += 1;
}

/** Where a claim has got to. */
type Fate =
  | { kind: 'settled'; as: OutcomeKind }
  /** Settled as failure, which is when the broker had confirmed its record; and the record is not in the queue any more. */
  | { kind: 'taken'; claim: AuditClaim; as: OutcomeKind }
  | { kind: 'setAside' | 'inDoubt' | 'open' }
  | { kind: 'lost'; what: string };

/** Follows a redriven claim to the one that went on with it. */
function fateOf(claim: AuditClaim, account: Account): Fate {
  const { key, registration, outcome } = claim;
  if (account.setAside.has(key)) return { kind: 'setAside' };
  if (outcome === null || !claim.settled) {
    return { kind: account.doubts.has(key) ? 'inDoubt' : 'open' };
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
