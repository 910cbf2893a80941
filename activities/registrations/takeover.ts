/** Takes over claims of dead runs, by compare-and-set: of two runs one gets it, and one that has settled meanwhile keeps it. */
import type { ClaimAnswer } from '../../src/domain/registrations/answers.ts';
import { readEntry } from '../../src/domain/registrations/entry.ts';
import type { Outcome } from '../../src/domain/registrations/outcome.ts';
import { isDead } from '../../src/domain/run-life.ts';
import { takenUp } from '../../src/domain/registrations/takeover.ts';
import { claimOfEntry } from '../../src/domain/names.ts';
import type { Claim, ClaimOutcome } from '../../src/claims/claims.ts';
import { failpoint } from '../../src/runtime/failpoint.ts';
import type { Dependencies } from './dependencies.ts';

/** An unsettled claim that somebody at this index would go on with. */
export interface Met {
  index: number;
  claim: Claim;
}

interface Found {
  /** By index. */
  ours: Map<number, Claim>;
  /** By the workflow id of the dead run. */
  ofDead: Map<string, Met[]>;
}

export function createTakeover(needs: Dependencies) {
  const { claims, journal, clock, legacyTimeoutMs, setAside, runStates, metrics, log } = needs;

  /** The claims that this run has already, and those of dead runs. @throws what `runStates` throws: nobody is to guess */
  async function find(met: Met[], workflowId: string): Promise<Found> {
    const found: Found = { ours: new Map(), ofDead: new Map() };
    const others = new Map<string, Met>();
    for (const each of met) {
      const { index, claim } = each;
      if (claim.workflowId === workflowId) {
        if (claim.index === index) found.ours.set(index, claim);
        continue;
      }
      // The first index that meets a claim may have it; the others are its duplicates.
      if (!others.has(claim._id)) others.set(claim._id, each);
    }
    for (const [ended] of await setAside.reasons([...others.keys()])) others.delete(ended);
    if (others.size === 0) return found;
    const byRun = Map.groupBy(others.values(), ({ claim }) => claim.workflowId);
    const states = await runStates([...byRun.keys()]);
    for (const [run, of] of byRun) {
      if (isDead(states.get(run) ?? 'running')) found.ofDead.set(run, of);
    }
    return found;
  }

  /** Takes the claims of dead runs. Answers for those that are now this run's, taken by this attempt or one before. */
  async function take({ ours, ofDead }: Found, workflowId: string): Promise<ClaimAnswer[]> {
    for (const [run, of] of ofDead) {
      const moving = of.map(({ index, claim }) => ({ index, claim: claim._id }));
      const taken = await claims.take(run, workflowId, moving);
      failpoint('takeover-taken');
      for (const { index, claim } of moving) {
        const now = taken.get(claim);
        if (now !== undefined) ours.set(index, now);
      }
      if (taken.size === 0) continue;
      metrics.takeovers.inc(taken.size);
      log.info(
        { from: run, workflowId, claims: taken.size },
        'Claims of a dead run were taken over',
      );
    }
    const entries = await journal.read([...ours.values()].map(({ entry }) => entry));
    return [...ours].map(([index, claim]): ClaimAnswer => {
      const { _id, conflict, outcome, entry, receivedAt } = claim;
      if (conflict) return conflictAnswer(index, _id);
      // Its failure record may be out already: settled in any other way it would have two ends.
      if (outcome !== null)
        return { index, kind: 'concluded', claim: _id, ...conclusionOf(outcome) };
      const found = entries.get(entry);
      const reading = found && readEntry(found, clock.now(), legacyTimeoutMs);
      const isInherited = claimOfEntry(entry) !== _id;
      const mayBeFiled = isInherited || journal.mayHaveExpired(receivedAt);
      return { index, claim: _id, ...takenUp(entry, reading ?? null, mayBeFiled) };
    });
  }

  return { find, take };
}

export const conflictAnswer = (index: number, claim: string): ClaimAnswer => ({
  index,
  kind: 'conflict',
  claim,
  reason: 'another message with this id and another body came first',
});

function conclusionOf({ acceptedAt, requestId, polls, doubt, entry, ...end }: ClaimOutcome) {
  const { kind, reason, ours, at } = end;
  const outcome: Outcome = {
    kind,
    at: at.getTime(),
    ...(reason === null ? {} : { reason }),
    ...(ours === true ? { ours } : {}),
  };
  return { outcome, entry, requestId, acceptedAt: acceptedAt?.getTime() ?? null, polls, doubt };
}
