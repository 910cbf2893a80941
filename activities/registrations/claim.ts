/**
 * Takes registration ids for this run. The first insert has the id; a delivery that meets a claim is a duplicate (same bytes)
 * or a conflict (other bytes), or takes it over when its run is dead. Run again, it finds its own claims and answers the same.
 */
import type { ClaimAnswer } from '../../src/domain/registrations/answers.ts';
import type { Claim } from '../../src/claims/claims.ts';
import { failpoint } from '../../src/runtime/failpoint.ts';
import { errorFacts } from '../../src/runtime/log.ts';
import { within } from '../../src/runtime/retry.ts';
import { answerEach } from '../ask-each.ts';
import { stillWanted } from '../fence.ts';
import { ownRun, withHeartbeat, type Liveness } from '../heartbeat.ts';
import { isOwnedBy, meet, type Refused, type Same } from './meet.ts';
import { createTakeover, type Met } from './takeover.ts';
import {
  keepInherited,
  openInherited,
  wantedBy,
  type ClaimRequest,
  type Wanted,
} from './wanted.ts';
import type { Dependencies } from './dependencies.ts';

export function createClaim(needs: Dependencies) {
  const { claims, records, journal, clock, metrics, log } = needs;
  const takeover = createTakeover(needs);
  const tellUnnoted = (error: unknown): void =>
    log.warn(
      { runbook: 'mongodb-away', ...errorFacts(error) },
      'A redrive could not be noted on the claims of its failures, which are listed as waiting: "despachante failures compare" writes down that their records are gone',
    );
  return (requests: ClaimRequest[]): Promise<ClaimAnswer[]> =>
    withHeartbeat(async (liveness) => {
      const workflowId = ownRun();
      const deliveries = requests.filter(({ takes }) => takes === undefined);
      const claimedAt = new Date(clock.now());
      const { wanted, moved } = await wantedBy(claims, deliveries, workflowId, claimedAt);
      await keepInherited(journal, [...wanted.values()]);
      const holders = await insert(wanted, requests);
      const answers = new Map<number, ClaimAnswer>();
      const mine: Wanted[] = [];
      const same: Same[] = [];
      const refused: Refused[] = [];
      for (const { index, takes } of requests) {
        const each = wanted.get(index);
        if (each === undefined) {
          same.push({ index, claim: holders.get(takes ?? '') });
          continue;
        }
        const holder = holders.get(each.claim._id);
        const isMine = holder === undefined || isOwnedBy(holder, workflowId, index);
        if (isMine && holder?.takenFrom === undefined) mine.push(each);
        else refused.push({ ...each, index, holder });
      }
      const meeting = await meet(claims, refused, () => stillWanted(liveness));
      same.push(...meeting.same);
      for (const { claim, begin } of mine)
        answers.set(claim.index, { index: claim.index, claim: claim._id, ...begin });
      for (const answer of meeting.conflicts) answers.set(answer.index, answer);
      for (const { index } of same) answers.set(index, { index, kind: 'duplicate' });
      await stillWanted(liveness);
      await openInherited(journal, mine);
      // Each has the token of its claim, whoever moved it.
      if (moved.length > 0) await records.left(moved, 'redriven').catch(tellUnnoted);
      const met = same.flatMap(({ index, claim }): Met[] =>
        claim !== undefined && claim.settledAt === null ? [{ index, claim }] : [],
      );
      const isAlone = met.length === requests.length;
      for (const answer of await takenOver(met, isAlone, workflowId, liveness))
        answers.set(answer.index, answer);
      const all = requests.flatMap(({ index }) => answers.get(index) ?? []);
      metrics.duplicates.inc(all.filter(({ kind }) => kind === 'duplicate').length);
      return all;
    });

  /** Returns the claims that were not free, and those that are to be taken up. */
  async function insert(
    wanted: ReadonlyMap<number, Wanted>,
    requests: ClaimRequest[],
  ): Promise<Map<string, Claim>> {
    failpoint('claim-writing');
    const all = [...wanted.values()].map(({ claim }) => claim);
    const taken = await claims.insert(all);
    failpoint('claim-written');
    return claims.find([...taken, ...requests.flatMap(({ takes }) => takes ?? [])]);
  }

  /** Takes over the open claims that were met, if Temporal says that their runs are dead. The others do not wait for that. */
  async function takenOver(
    met: Met[],
    isAlone: boolean,
    workflowId: string,
    liveness: Liveness,
  ): Promise<ClaimAnswer[]> {
    const finding = takeover.find(met, workflowId);
    const found = await (isAlone
      ? finding
      : within(DECIDED_MS, 'Temporal', finding).catch(() => null));
    if (found === null) return answerEach(met, { kind: 'undecided' });
    await stillWanted(liveness);
    return takeover.take(found, workflowId);
  }
}

/** How long registrations that have their claims wait for Temporal's word on the claims of others. */
const DECIDED_MS = 500;
