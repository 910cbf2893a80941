/**
 * Takes registration ids for this run. The insert decides: whoever inserts first has the id, and whoever meets a claim
 * is a duplicate (same bytes) or a conflict (other bytes), or takes it over when its run is dead. Run again, it finds its
 * own claims and answers the same.
 */
import { activityInfo } from '@temporalio/activity';
import type { ClaimAnswer } from '../../src/domain/registrations/answers.ts';
import type { NewRegistration } from '../../src/domain/registrations/item.ts';
import { claimKey } from '../../src/domain/names.ts';
import { binary, newToken } from '../../src/claims/claims.ts';
import type { Claim } from '../../src/claims/claims.ts';
import type { RecordSeen } from '../../src/claims/records.ts';
import { failpoint } from '../../src/runtime/failpoint.ts';
import { errorFacts } from '../../src/runtime/log.ts';
import { within } from '../../src/runtime/retry.ts';
import { keysOfRedriven, redriveIn } from '../../src/registrations/redrive.ts';
import type { Redrive } from '../../src/registrations/redrive.ts';
import { stale } from './fence.ts';
import { granted } from './grant.ts';
import { withHeartbeat } from '../heartbeat.ts';
import type { Liveness } from '../heartbeat.ts';
import { isHeldBy, meet } from './meet.ts';
import type { Refused } from './meet.ts';
import { createTakeover } from './takeover.ts';
import type { Met } from './takeover.ts';
import type { Dependencies } from './dependencies.ts';

/** A registration that a run asks for; its label stays with the run. */
export interface ClaimRequest extends Omit<NewRegistration, 'label'> {
  index: number;
}

type Needs = Pick<
  Dependencies,
  'claims' | 'records' | 'journal' | 'unroutable' | 'runStates' | 'metrics' | 'log'
>;

export function createClaim(needs: Needs) {
  const { claims, records, journal, metrics, log } = needs;
  const takeover = createTakeover(needs);
  // It is only told: no registration waits for it.
  const tellUnnoted = (error: unknown): void =>
    log.warn(
      errorFacts(error),
      'A redrive could not be noted on the claims of its failures, which are listed as waiting: "despachante failures compare" writes down that their records are gone',
    );
  return (requests: ClaimRequest[]): Promise<ClaimAnswer[]> =>
    withHeartbeat(async (liveness) => {
      const workflowId = activityInfo().workflowExecution?.workflowId ?? '';
      const deliveries = requests.filter(({ takes }) => takes === undefined);
      const moved: RecordSeen[] = [];
      const redrives = await findRedrives(deliveries);
      const wanted = new Map(deliveries.map((each) => [each.index, claimOf(each)]));
      failpoint('claim-writing');
      const taken = wanted.size > 0 ? await claims.insert([...wanted.values()]) : new Set<string>();
      failpoint('claim-written');
      const keys = [...taken, ...requests.flatMap(({ takes }) => takes ?? [])];
      const holders = keys.length > 0 ? await claims.find(keys) : new Map<string, Claim>();
      const answers = new Map<number, ClaimAnswer>();
      const met: Met[] = [];
      const refused: Refused[] = [];
      for (const { index, takes } of requests) {
        const claim = wanted.get(index);
        if (claim === undefined) {
          answers.set(index, { index, kind: 'duplicate' });
          goOnWith(index, holders.get(takes ?? ''));
          continue;
        }
        const holder = holders.get(claim._id);
        const isMine = holder === undefined || isHeldBy(holder, workflowId, index);
        if (isMine && holder?.takenFrom === undefined) {
          answers.set(index, granted(index, claim, redrives.get(index)?.before?.outcome ?? null));
        } else {
          const isRedrive = redrives.get(index)?.isRedrive === true;
          refused.push({ index, claim, holder, isRedrive });
        }
      }
      const meeting = await meet(claims, refused, () => stillWanted(liveness));
      for (const answer of meeting.answers) answers.set(answer.index, answer);
      met.push(...meeting.met);
      await stillWanted(liveness);
      await keepInherited();
      // Whoever has moved them: each has the token of its claim.
      if (moved.length > 0) await records.left(moved, 'redriven').catch(tellUnnoted);
      for (const answer of await takenOver()) answers.set(answer.index, answer);
      const all = requests.flatMap(({ index }) => answers.get(index) ?? []);
      metrics.duplicates.inc(all.filter(({ kind }) => kind === 'duplicate').length);
      return all;

      /** Temporal is asked about the runs of claims that were met; who has not met any does not wait for that. */
      async function takenOver(): Promise<ClaimAnswer[]> {
        const isMet = new Set(met.map(({ index }) => index));
        const finding = takeover.find(met, workflowId);
        const isAlone = requests.every(({ index }) => isMet.has(index));
        const found = await (isAlone
          ? finding
          : within(DECIDED_MS, 'Temporal', finding).catch(() => null));
        if (found === null) return [...isMet].map((index) => ({ index, kind: 'undecided' }));
        await stillWanted(liveness);
        return takeover.answersOf(await takeover.take(found, workflowId));
      }

      /** What is open under this claim may be this index's to go on with, if nobody else does. */
      function goOnWith(index: number, claim: Claim | undefined): void {
        if (claim !== undefined && claim.settledAt === null) met.push({ index, claim });
      }

      /** The entries that redrives go on with: they must be there for as long as these claims. */
      async function keepInherited(): Promise<void> {
        await Promise.all(
          [...answers].map(async ([index, answer]) => {
            const before = redrives.get(index)?.before;
            if (answer.kind === 'in-doubt' && before) await keepDoubt(answer.entry, before);
            if (answer.kind !== 'resumed') return;
            const { entry, requestId } = answer;
            await journal.keep(entry, { state: 'accepted', requestId, reason: null });
          }),
        );
      }

      /** Whoever redrives what was abandoned wants it decided anew; else the old word would abandon it again. */
      async function keepDoubt(entry: string, before: Claim): Promise<void> {
        await journal.decide(entry, ['abandoned'], { state: 'unknown', operator: null });
        // One that is not there and was abandoned, or is as old, has expired; any other was never opened.
        const isGone =
          before.outcome?.kind === 'in-doubt' || journal.mayHaveExpired(before.receivedAt);
        const lost = { state: 'unknown', requestId: null, reason: GONE } as const;
        await journal.keep(entry, isGone ? lost : null);
      }

      function claimOf(request: ClaimRequest): Claim {
        const { generation = 0, before } = redrives.get(request.index) ?? {};
        const _id = claimKey(request.id, generation);
        const begins = granted(request.index, { _id }, before?.outcome ?? null);
        return {
          _id,
          registration: request.id,
          generation,
          conflict: false,
          token: newToken(),
          workflowId,
          index: request.index,
          bodyHash: request.bodyHash,
          message: { body: binary(request.message.body), properties: request.message.properties },
          receivedAt: new Date(request.receivedAt),
          claimedAt: new Date(),
          ...(begins.kind === 'resumed' ? { acceptedAt: new Date(begins.acceptedAt) } : {}),
          outcome: null,
          settledAt: null,
        };
      }

      async function findRedrives(all: ClaimRequest[]): Promise<Map<number, Redrive>> {
        const named = all.filter(({ redrive, token }) => redrive !== null && token !== undefined);
        const keysOf = ({ id, redrive, bodyHash }: ClaimRequest): string[] =>
          keysOfRedriven(id, redrive, bodyHash);
        const found = await claims.find(named.flatMap(keysOf));
        return new Map(
          named.map((each): [number, Redrive] => {
            const before = keysOf(each).flatMap((key) => found.get(key) ?? []);
            const own = before.filter(({ token }) => token === each.token);
            moved.push(...own.map(({ _id }) => ({ claim: _id, at: null })));
            return [each.index, redriveIn(before, each)];
          }),
        );
      }
    });
}

/** How long those that have their claims wait for what Temporal says about the claims of others. */
const DECIDED_MS = 500;

/** Of what was in doubt. */
const GONE = 'its journal entry is gone';

/** Of an attempt that has been given up, the next one may have been answered, and acted on, before what follows. */
async function stillWanted(liveness: Liveness): Promise<void> {
  await liveness.throwIfCancelled();
  if (!liveness.isCurrent()) throw stale();
}
