/**
 * Taking over the claims of dead runs. Temporal is asked whether a run is alive; the claim then changes hands by
 * compare-and-set, so of two that want it one gets it, and a run that has settled meanwhile keeps it.
 */
import type { ClaimAnswer } from '../../src/domain/registrations/answers.ts';
import { claimKey, entryKey } from '../../src/domain/names.ts';
import { isDead, takenUp } from '../../src/domain/registrations/takeover.ts';
import type { Conclusion, Granted, Submission } from '../../src/domain/registrations/takeover.ts';
import type { Claim } from '../../src/claims/claims.ts';
import { failpoint } from '../../src/runtime/failpoint.ts';
import { latestEntries } from '../../src/registrations/doubts.ts';
import type { Entry } from '../../src/registrations/journal.ts';
import { granted } from './grant.ts';
import type { Dependencies } from './dependencies.ts';

/** An unsettled claim that somebody at this index would go on with. */
export interface Met {
  index: number;
  claim: Claim;
}

/** Claims by index that are this run's already, and what was met of dead runs. */
interface Found {
  ours: Map<number, Claim>;
  ofDead: Map<string, Met[]>;
}

type Needs = Pick<
  Dependencies,
  'claims' | 'journal' | 'unroutable' | 'runStates' | 'metrics' | 'log'
>;

export function createTakeover(needs: Needs) {
  const { claims, journal, unroutable, runStates, metrics, log } = needs;

  /**
   * Which of them this run may go on with: what is its own already, and what dead runs hold.
   * @throws what `runStates` throws: nobody is to guess whether a run is alive
   */
  async function find(met: Met[], workflowId: string): Promise<Found> {
    // The first index that meets a claim is the one that may have it; the others are its duplicates.
    const wanted = new Map<string, Met>();
    for (const each of met) if (!wanted.has(each.claim._id)) wanted.set(each.claim._id, each);
    const found: Found = { ours: new Map(), ofDead: new Map() };
    const others: Met[] = [];
    for (const each of met) {
      const { index, claim } = each;
      if (claim.workflowId !== workflowId) others.push(each);
      else if (claim.index === index) found.ours.set(index, claim);
    }
    const setAside = await unroutable.among(others.map(({ claim }) => claim._id));
    const open = others.filter(
      (each) => wanted.get(each.claim._id) === each && !setAside.has(each.claim._id),
    );
    if (open.length === 0) return found;
    const byRun = new Map<string, Met[]>();
    for (const each of open) {
      byRun.set(each.claim.workflowId, [...(byRun.get(each.claim.workflowId) ?? []), each]);
    }
    const states = await runStates([...byRun.keys()]);
    for (const [run, of] of byRun) {
      if (isDead(states.get(run) ?? 'running')) found.ofDead.set(run, of);
    }
    return found;
  }

  /** Takes what dead runs hold; returns the claims of this run by index, as they now are. */
  async function take({ ours, ofDead }: Found, workflowId: string): Promise<Map<number, Claim>> {
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
    return ours;
  }

  /** What becomes of claims that were taken over, now or by an attempt before. */
  async function answersOf(taken: ReadonlyMap<number, Claim>): Promise<ClaimAnswer[]> {
    const all = [...taken];
    const before = await claims.find(
      all.map(([, { registration, generation }]) => claimKey(registration, generation - 1)),
    );
    const beforeOf = ({ registration, generation }: Claim) =>
      before.get(claimKey(registration, generation - 1));
    const first = new Map(
      all
        .filter(([, { conflict }]) => !conflict)
        .map(([index, claim]): [number, Granted] => [
          index,
          granted(index, claim, beforeOf(claim)?.outcome ?? null),
        ]),
    );
    const entries = await latestEntries(
      journal,
      new Map([...first.values()].map(({ entry, claim }) => [entry, claim])),
    );
    return all.map(([index, claim]): ClaimAnswer => {
      const answer = first.get(index);
      if (answer === undefined) return conflictAnswer(index, claim._id);
      const entry = entries.get(claim._id);
      if (entry === undefined && claim.generation > 0 && beforeOf(claim) === undefined) {
        // What it redrove is forgotten, and perhaps was in doubt: then its entry is still there, and is read first.
        const earlier = entryKey(claimKey(claim.registration, claim.generation - 1), 1);
        return { index, kind: 'in-doubt', claim: claim._id, entry: earlier };
      }
      return takenUp(answer, entry === undefined ? null : submissionOf(entry), conclusionOf(claim));
    });
  }

  return { find, take, answersOf };
}

export const conflictAnswer = (index: number, claim: string): ClaimAnswer => ({
  index,
  kind: 'conflict',
  claim,
  reason: 'another message with this id and another body came first',
});

const submissionOf = ({ _id, state, requestId, answeredAt, at }: Entry): Submission => ({
  entry: _id,
  state,
  requestId,
  acceptedAt: (answeredAt ?? at).getTime(),
});

function conclusionOf({ outcome }: Claim): Conclusion | null {
  if (outcome === null) return null;
  const { kind, reason, ours, at, requestId, acceptedAt, polls, doubt, entry } = outcome;
  return {
    outcome: {
      kind,
      at: at.getTime(),
      ...(reason === null ? {} : { reason }),
      ...(ours === true ? { ours } : {}),
    },
    entry,
    requestId,
    acceptedAt: acceptedAt?.getTime() ?? null,
    polls,
    doubt,
  };
}
