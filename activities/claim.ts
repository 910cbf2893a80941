/**
 * Takes registration ids for this run. The insert decides: whoever inserts first has the id, and whoever meets a claim
 * is a duplicate (same bytes) or a conflict (other bytes). Run again, it finds its own claims and answers the same.
 */
import { activityInfo } from '@temporalio/activity';
import type { ClaimAnswer } from '../src/domain/answers.ts';
import type { WireMessage } from '../src/domain/batch.ts';
import { claimKey, conflictKey, entryKey } from '../src/domain/names.ts';
import { isFailure, isOpenThere } from '../src/domain/outcome.ts';
import { binary } from '../src/claims.ts';
import type { Claim, ClaimOutcome } from '../src/claims.ts';
import type { Dependencies } from './create.ts';
import { withHeartbeat } from './heartbeat.ts';

export interface ClaimRequest {
  index: number;
  id: string;
  bodyHash: string;
  message: WireMessage;
  receivedAt: number;
  /** The generation whose failure record the delivery is, if it is one. */
  redrive: number | null;
}

export const createClaim =
  ({ claims, journal, metrics }: Pick<Dependencies, 'claims' | 'journal' | 'metrics'>) =>
  (requests: ClaimRequest[]): Promise<ClaimAnswer[]> =>
    withHeartbeat(async () => {
      const workflowId = activityInfo().workflowExecution?.workflowId ?? '';
      const failedBefore = await findRedriven(requests);
      const wanted = requests.map((request) => claimOf(request, failedBefore.get(request.index)));
      const taken = await claims.insert(wanted);
      const holders = taken.size > 0 ? await claims.find([...taken]) : new Map<string, Claim>();
      const answers: ClaimAnswer[] = [];
      for (const [at, request] of requests.entries()) {
        const claim = wanted[at];
        if (claim === undefined) continue;
        const holder = holders.get(claim._id);
        const isMine = holder === undefined || isHeldBy(holder, workflowId, request.index);
        answers.push(
          isMine
            ? granted(request.index, claim, failedBefore.get(request.index)?.outcome ?? null)
            : await refused(request, claim),
        );
      }
      await reopenAbandoned(answers);
      metrics.duplicates.inc(answers.filter(({ kind }) => kind === 'duplicate').length);
      return answers;

      /** Whoever redrives what was abandoned wants it decided anew; else the old word would abandon it again. */
      async function reopenAbandoned(granted: ClaimAnswer[]): Promise<void> {
        for (const answer of granted) {
          if (answer.kind !== 'in-doubt') continue;
          await journal.decide(answer.entry, ['abandoned'], { state: 'unknown', operator: null });
        }
      }

      function claimOf(request: ClaimRequest, before: Claim | undefined): Claim {
        const generation = before === undefined ? 0 : before.generation + 1;
        return {
          _id: claimKey(request.id, generation),
          registration: request.id,
          generation,
          conflict: false,
          workflowId,
          index: request.index,
          bodyHash: request.bodyHash,
          message: { body: binary(request.message.body), properties: request.message.properties },
          receivedAt: new Date(request.receivedAt),
          claimedAt: new Date(),
          outcome: null,
          settledAt: null,
        };
      }

      /** A redrive is valid when the generation it names has ended in failure: headers are only hints. */
      async function findRedriven(all: ClaimRequest[]): Promise<Map<number, Claim>> {
        const named = all.filter(({ redrive }) => redrive !== null);
        if (named.length === 0) return new Map();
        const found = await claims.find(named.map(({ id, redrive }) => claimKey(id, redrive ?? 0)));
        const valid = new Map<number, Claim>();
        for (const { index, id, redrive } of named) {
          const before = found.get(claimKey(id, redrive ?? 0));
          if (before?.outcome && isFailure(before.outcome.kind)) valid.set(index, before);
        }
        return valid;
      }

      async function refused(request: ClaimRequest, claim: Claim): Promise<ClaimAnswer> {
        const { index, id, bodyHash } = request;
        const all = (await claims.ofRegistration(id)).filter(({ conflict }) => !conflict);
        // Generations before the one that was asked for do not count: their record is what is redriven here, and must
        // not be dropped when it was another body that took the next generation.
        const since = all.filter(({ generation }) => generation >= claim.generation);
        if (since.some((each) => each.bodyHash === bodyHash)) return { index, kind: 'duplicate' };
        const { generation } = all.at(-1) ?? claim;
        const _id = conflictKey(id, generation, bodyHash);
        const conflict: Claim = { ...claim, _id, generation, conflict: true };
        const reason = 'another message with this id and another body came first';
        const answer: ClaimAnswer = { index, kind: 'conflict', claim: _id, reason };
        if ((await claims.insert([conflict])).size === 0) return answer;
        const met = (await claims.find([_id])).get(_id);
        if (met !== undefined && isHeldBy(met, workflowId, index)) return answer;
        // The same conflict again: its record is in the failure queue already, unless this is that very record, redriven.
        if (request.redrive === null) return { index, kind: 'duplicate' };
        await claims.reopenConflict(conflict);
        return answer;
      }
    });

const isHeldBy = (claim: Claim, workflowId: string, index: number): boolean =>
  claim.workflowId === workflowId && claim.index === index;

/** What the legacy system had accepted goes on being polled; what it may have is in doubt; the rest is POSTed. */
function granted(index: number, { _id }: Claim, before: ClaimOutcome | null): ClaimAnswer {
  const entry = entryKey(_id, 1);
  if (before === null) return { index, kind: 'claimed', claim: _id, entry };
  if (before.doubt) return { index, kind: 'in-doubt', claim: _id, entry: before.entry };
  const { requestId, acceptedAt } = before;
  if (!isOpenThere(before) || requestId === null || acceptedAt === null) {
    return { index, kind: 'claimed', claim: _id, entry };
  }
  return {
    index,
    kind: 'resumed',
    claim: _id,
    entry: before.entry,
    requestId,
    acceptedAt: acceptedAt.getTime(),
  };
}
