/**
 * Takes message ids for this run. The first insert has the id; a delivery that meets a claim is a duplicate (same bytes) or a
 * conflict (other bytes), or takes it over when its run is dead. Run again, it finds its own claims and answers the same.
 *
 * A lane may have claimed what it then was never handed: its process died before that was in the history. So a message that meets a
 * claim of its own lane goes on behind what has its key, and ends without its handler if another copy was handled before it.
 */
import { activityInfo } from '@temporalio/activity';
import { binary, newToken } from '../../src/claims/claims.ts';
import { claimKey, conflictKey } from '../../src/domain/names.ts';
import { isDead, type RunLife } from '../../src/domain/run-life.ts';
import {
  MOST_HANDLED_LOCALLY,
  isTransient,
  type ClaimedBefore,
  type NewTask,
  type TaskClaimAnswer,
} from '../../src/domain/tasks.ts';
import { failpoint } from '../../src/runtime/failpoint.ts';
import type { TaskClaim, TaskError } from '../../src/tasks/claims.ts';
import { stillWanted } from '../fence.ts';
import { ownRun, withHeartbeat } from '../heartbeat.ts';
import type { TaskDependencies } from './dependencies.ts';

export type TaskClaimRequest = NewTask & { index: number };

export function createTaskClaim(needs: TaskDependencies) {
  const { worker, isCounted = false, claims, runStates, metrics, log } = needs;
  const { mayComeAgain = () => false } = needs;

  return (requests: TaskClaimRequest[]): Promise<TaskClaimAnswer[]> =>
    withHeartbeat(async (liveness) => {
      const run = ownRun();
      // A workflow task that is done again had its process die, perhaps of a handler that it called next.
      const isPerhapsFatal = activityInfo().isLocal && requests.length <= MOST_HANDLED_LOCALLY;
      const delivered = requests.filter(({ takes }) => takes === undefined);
      const generations = await redriven(delivered);
      const wanted = new Map(
        delivered.map((each) => [
          each.index,
          claimFor(worker, each, run, generations.get(each.index) ?? 0),
        ]),
      );
      const holders = await insertNext(wanted, run);
      const answers: TaskClaimAnswer[] = [];
      const conflicts: TaskClaim[] = [];
      const met: { index: number; holder: TaskClaim }[] = [];
      const chained = new Set(requests.flatMap(({ index, chain }) => (chain ? [index] : [])));
      const isOurs = (holder: TaskClaim, { index, bodyHash }: TaskClaim): boolean =>
        holder.workflowId === run &&
        (chained.has(index) ? holder.bodyHash === bodyHash : holder.index === index);
      for (const [index, claim] of wanted) {
        const holder = holders.get(claim._id);
        if (holder === undefined)
          answers.push({ index, kind: 'claimed', claim: claim._id, attempts: 0 });
        else if (isOurs(holder, claim))
          // A copy in a lane has another index, and says nothing of a process that died.
          answers.push(goOn(holder, index, isPerhapsFatal && holder.index === index));
        else if (holder.bodyHash === claim.bodyHash) met.push({ index, holder });
        else conflicts.push(asConflict(claim));
      }
      const redone = [...wanted.values()].filter(({ generation }) => generation > 0);
      await claims.giveWay(redone.map(({ item, generation }) => claimKey(item, generation - 1)));
      const left = await claims.find(requests.flatMap(({ takes }) => takes ?? []));
      for (const { index, takes } of requests) {
        if (takes === undefined) continue;
        const holder = left.get(takes);
        if (holder === undefined) answers.push({ index, kind: 'duplicate' });
        // A lane that is begun anew takes up what it had before it died, be it under another index.
        else if (holder.workflowId === run) answers.push(goOn(holder, index));
        else met.push({ index, holder });
      }
      const others = await insert(conflicts);
      for (const conflict of conflicts) {
        const holder = others.get(conflict._id) ?? conflict;
        if (isOurs(holder, conflict)) answers.push(goOn(holder, conflict.index));
        else met.push({ index: conflict.index, holder });
      }
      await stillWanted(liveness);
      answers.push(...(await takenOver(met, run)));
      metrics.duplicates.inc({ worker }, answers.filter(({ kind }) => kind === 'duplicate').length);
      return answers;
    });

  /** By index: a dead letter that came back, which its token shows, is the next generation of its task. */
  async function redriven(requests: TaskClaimRequest[]): Promise<Map<number, number>> {
    const letters = requests.flatMap(({ index, id, failedGeneration: failed, token }) =>
      failed === null || token === undefined
        ? []
        : [{ index, key: claimKey(`${worker}/${id}`, failed), next: failed + 1, token }],
    );
    const found = await claims.find(letters.map(({ key }) => key));
    return new Map(
      letters.flatMap(({ index, key, next, token }): [number, number][] => {
        const claim = found.get(key);
        const hasFailed =
          claim !== undefined && claim.outcome !== null && claim.outcome.kind !== 'done';
        return hasFailed && claim.token === token ? [[index, next]] : [];
      }),
    );
  }

  /** As `insert`; but what has ended without an effect, and comes again, is there as its next generation then. */
  async function insertNext(
    wanted: Map<number, TaskClaim>,
    run: string,
  ): Promise<Map<string, TaskClaim>> {
    const holders = new Map<string, TaskClaim>();
    let left = [...wanted.keys()];
    while (left.length > 0) {
      const fresh = left.flatMap((index) => wanted.get(index) ?? []);
      const taken = await insert(
        isCounted ? fresh.map((claim) => ({ ...claim, uncounted: true })) : fresh,
      );
      for (const [key, holder] of taken) holders.set(key, holder);
      left = left.filter((index) => {
        const claim = wanted.get(index);
        const holder = taken.get(claim?._id ?? '');
        if (claim === undefined || holder === undefined || !isOver(holder, run)) return false;
        const generation = claim.generation + 1;
        wanted.set(index, { ...claim, _id: claimKey(claim.item, generation), generation });
        return true;
      });
    }
    return holders;
  }

  /** One of this run is that of a try before. */
  function isOver(holder: TaskClaim, run: string): boolean {
    const { workflowId, settledAt, outcome } = holder;
    const isDone = settledAt !== null && outcome?.kind === 'done';
    return isDone && workflowId !== run && mayComeAgain(holder);
  }

  /** Returns the claims that were not free. */
  async function insert(all: TaskClaim[]): Promise<Map<string, TaskClaim>> {
    failpoint('claim-writing');
    const taken = await claims.insert(all);
    failpoint('claim-written');
    return claims.find([...taken]);
  }

  /** What is settled, or in the hand of a run that lives, is a duplicate; the rest is taken over. @throws when Temporal does not answer */
  async function takenOver(
    met: { index: number; holder: TaskClaim }[],
    run: string,
  ): Promise<TaskClaimAnswer[]> {
    // The first index that meets a claim may have it; the others are its duplicates.
    const open = new Map<string, { index: number; claim: string; from: string }>();
    for (const { index, holder } of met) {
      const { _id, workflowId, settledAt } = holder;
      if (settledAt !== null || workflowId === run || open.has(_id)) continue;
      open.set(_id, { index, claim: _id, from: workflowId });
    }
    const runs = new Set([...open.values()].map(({ from }) => from));
    const states = await (runs.size === 0 ? new Map<string, RunLife>() : runStates([...runs]));
    const answers = new Map<number, TaskClaimAnswer>(
      met.map(({ index }) => [index, { index, kind: 'duplicate' }]),
    );
    for (const from of runs) {
      if (!isDead(states.get(from) ?? 'running')) continue;
      const wanted = [...open.values()].filter((each) => each.from === from);
      const taken = await claims.take(from, run, wanted);
      failpoint('takeover-taken');
      for (const claim of taken) answers.set(claim.index, goOn(claim, claim.index));
      log.info({ worker, from, run, claims: taken.length }, 'Claims of a dead run were taken over');
    }
    return [...answers.values()];
  }
}

function claimFor(
  worker: string,
  request: TaskClaimRequest,
  workflowId: string,
  generation: number,
): TaskClaim {
  const { id, index, bodyHash, key, origin, message, notBefore } = request;
  const item = `${worker}/${id}`;
  return {
    _id: claimKey(item, generation),
    ...{ worker, item, generation, conflict: false, token: newToken(), workflowId, index },
    ...{ bodyHash, key, origin },
    message: { body: binary(message.body), properties: message.properties },
    receivedAt: new Date(request.receivedAt),
    ...(notBefore === undefined ? {} : { notBefore: new Date(notBefore) }),
    claimedAt: new Date(),
    ...{
      attempts: 0,
      startedAt: null,
      finishedAt: null,
      error: null,
      outcome: null,
      settledAt: null,
    },
  };
}

const asConflict = (claim: TaskClaim): TaskClaim => ({
  ...claim,
  _id: conflictKey(claim.item, claim.generation, claim.bodyHash),
  conflict: true,
  error: {
    failure: 'id-conflict',
    class: 'id-conflict',
    reason: 'another message with this id and another body came first',
    at: new Date(),
  },
});

/** How a claim of ours goes on, from whatever it has got to. */
function goOn(claim: TaskClaim, index: number, isSuspect = false): TaskClaimAnswer {
  const { _id, attempts, outcome, result, error, settledAt } = claim;
  if (settledAt !== null) return { index, kind: 'duplicate' };
  // Its dead letter may be out already: ended in any other way it would have two ends.
  if (outcome !== null && outcome.kind !== 'done')
    return { index, kind: 'failed', claim: _id, failure: outcome.kind, attempts };
  if (result !== undefined) return { index, kind: 'handled', claim: _id };
  if (error !== null && error.failure !== 'crashed' && !isTransient(error.failure))
    return { index, kind: 'failed', claim: _id, failure: error.failure, attempts };
  return { index, kind: 'claimed', claim: _id, attempts, isSuspect, ...lastOf(error) };
}

const lastOf = (error: TaskError | null): ClaimedBefore =>
  error === null || !isTransient(error.failure)
    ? {}
    : {
        failure: error.failure,
        ...(error.retryAt === undefined ? {} : { retryAt: error.retryAt.getTime() }),
      };
