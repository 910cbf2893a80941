/** Brings tasks to their ends: publishes what handlers have left in the claims, or the dead letter, and settles the claim then. */
import { ApplicationFailure } from '@temporalio/common';
import { messageOf } from '../../src/claims/claims.ts';
import type { TaskFailure, TaskSettleAnswer } from '../../src/domain/tasks.ts';
import type { Taken } from '../../src/domain/run.ts';
import { failpoint } from '../../src/runtime/failpoint.ts';
import { errorFacts } from '../../src/runtime/log.ts';
import type { Ending, TaskClaim, TaskOutcome } from '../../src/tasks/claims.ts';
import { callOf } from '../../src/tasks/call-of.ts';
import { UnreadableOutput, outgoingOf } from '../../src/tasks/outgoing.ts';
import { fenced, readInTime } from '../fence.ts';
import { ownRun, placeOf, withHeartbeat, type Liveness } from '../heartbeat.ts';
import type { TaskDependencies } from './dependencies.ts';
import { inHandfuls } from './handfuls.ts';

export interface PublishRequest {
  index: number;
  claim: string;
}

/** Of a task with a result what is left is to publish it. */
const isUndone = ({ result, outcome }: TaskClaim): boolean =>
  result === undefined || (outcome !== null && outcome.kind !== 'done');

export interface BuryRequest extends PublishRequest {
  failure: TaskFailure;
  /** With the one that never ended, when it died with its process. */
  attempts: number;
}

type Answer = TaskSettleAnswer | Taken;

export function createTaskSettle(needs: TaskDependencies) {
  const { worker, claims, results, caller, channels, metrics, log } = needs;

  return {
    publishTasks: (requests: PublishRequest[]): Promise<Answer[]> =>
      withHeartbeat((liveness) =>
        handfulByHandful(requests, (some, found) => settleEach(some, found, liveness, publish)),
      ),

    buryTasks: (requests: BuryRequest[]): Promise<Answer[]> =>
      withHeartbeat((liveness) =>
        handfulByHandful(requests, async (some, before) => {
          const asked = new Map(some.map((request) => [request.claim, request]));
          const endOf = (claim: TaskClaim): TaskOutcome =>
            claim.outcome ?? failedAs(claim, asked.get(claim._id)?.failure ?? 'exhausted');
          const open = some.flatMap(({ claim }) => before.get(claim) ?? []);
          // Whoever redrives a letter finds its claim concluded, however soon that is.
          const ends = open.filter(isUndone).map((claim) => ({
            claim: claim._id,
            outcome: endOf(claim),
            attempts: Math.max(claim.attempts, asked.get(claim._id)?.attempts ?? 0),
          }));
          await claims.conclude(ends, ownRun());
          failpoint('bury-concluded');
          const found = await readInTime(() => claims.find([...asked.keys()]));
          const { ours, lost } = fenced(some, (claim) => found.get(claim)?.workflowId);
          const answers = await settleEach(ours, found, liveness, async (claim) => {
            // Its result was there before it was cancelled.
            if (!isUndone(claim)) return publish(claim);
            const outcome = endOf(claim);
            await bury(claim, outcome);
            return outcome;
          });
          return [...lost, ...answers];
        }),
      ),
  };

  /** Those of a handful that fails come again, with all behind them. @throws where it is the first */
  async function handfulByHandful<R extends PublishRequest>(
    requests: R[],
    settle: (some: R[], found: ReadonlyMap<string, TaskClaim>) => Promise<Answer[]>,
  ): Promise<Answer[]> {
    const answers: Answer[] = [];
    try {
      for await (const { some, found } of inHandfuls(claims, requests)) {
        const { ours, lost } = fenced(some, (claim) => found.get(claim)?.workflowId);
        answers.push(...lost, ...(await settle(ours, found)));
      }
    } catch (error) {
      if (answers.length === 0) throw error;
    }
    return answers;
  }

  async function publish(claim: TaskClaim): Promise<TaskOutcome> {
    for (const [n, outgoing] of outgoingOf(claim).entries())
      await channels.publish(outgoing, `${claim._id}/${n}`);
    failpoint('publish-confirmed');
    const at = claim.finishedAt ?? new Date();
    return { kind: 'done', reason: null, at };
  }

  /** Where there are no dead letters its claim alone tells of it. */
  async function bury(
    claim: TaskClaim,
    { kind, class: ownClass = kind, reason, at }: TaskOutcome,
  ): Promise<void> {
    const body = messageOf(claim);
    if (channels.bury === null || claim.message === null || body === null || kind === 'done')
      return;
    const { _id, attempts, workflowId, generation, token, origin, message } = claim;
    await channels.bury({
      ...{
        claim: _id,
        failureClass: kind,
        ownClass,
        reason: reason ?? kind,
        at,
        attempts,
        workflowId,
      },
      ...{ generation, token, origin, body, properties: message.properties },
    });
    failpoint('bury-confirmed');
  }

  /** Also of a task whose process died. */
  function tellOfEnd(
    claim: TaskClaim | undefined,
    { kind, class: own, reason }: TaskOutcome,
  ): void {
    const body = claim === undefined ? null : messageOf(claim);
    if (claim === undefined || body === null) return;
    const call = callOf(claim, body, { attempt: claim.attempts, isLastAttempt: true });
    caller.tell(call, { kind: 'onError', class: own ?? kind, reason: reason ?? kind });
  }

  /** What can never be published ends with that as its failure: nothing else is held up by it. */
  async function settleEach(
    requests: readonly PublishRequest[],
    found: ReadonlyMap<string, TaskClaim>,
    liveness: Liveness,
    bringOut: (claim: TaskClaim) => Promise<TaskOutcome>,
  ): Promise<Answer[]> {
    const endings: Ending[] = [];
    const failures: unknown[] = [];
    const answered: PublishRequest[] = [];
    await Promise.all(
      requests.map(async (request) => {
        const { index, claim: key } = request;
        const claim = found.get(key);
        if (claim === undefined || claim.settledAt !== null) return void answered.push(request);
        if (!liveness.isCurrent()) return;
        try {
          endings.push({ claim: key, outcome: await bringOut(claim) });
        } catch (error) {
          if (!channels.isUnpublishable(error) && !(error instanceof UnreadableOutput))
            return void failures.push(error);
          const facts = { worker, ...placeOf(index), ...errorFacts(error) };
          log.error(
            { runbook: 'set-aside', ...facts },
            'No broker can ever take what a task publishes: its claim keeps it, as a failure',
          );
          const reason = `cannot be published: ${errorFacts(error).error}`;
          const known = claim.outcome?.kind ?? 'permanent';
          const kind = known === 'done' ? 'permanent' : known;
          endings.push({ claim: key, outcome: { kind, reason, at: new Date() } });
        }
        answered.push(request);
      }),
    );
    const [first] = failures;
    if (first !== undefined) {
      const { error } = errorFacts(first);
      if (answered.length === 0)
        throw ApplicationFailure.create({ type: 'NothingSettled', message: error });
      log.warn(
        { runbook: 'broker-away', worker, ...errorFacts(first), tasks: failures.length },
        'The output or dead letter of some tasks did not get to where it goes: that is tried again',
      );
    }
    await results.write(
      endings.flatMap(({ claim, outcome }) => {
        const known = found.get(claim);
        return known === undefined ? [] : [{ ...known, outcome, settledAt: outcome.at }];
      }),
    );
    const lost = await claims.settled(endings, ownRun());
    failpoint('settle-written');
    for (const { claim, outcome } of endings) {
      if (lost.has(claim)) continue;
      metrics.tasks.inc({ worker, outcome: outcome.kind });
      if (outcome.kind !== 'done') tellOfEnd(found.get(claim), outcome);
    }
    return answered.map(({ index, claim }) => ({
      index,
      kind: lost.has(claim) ? 'taken' : found.has(claim) ? 'settled' : 'unclaimed',
    }));
  }
}

/** By the error of its last attempt, where that is what it ends with. */
function failedAs({ error }: TaskClaim, failure: TaskFailure): TaskOutcome {
  if (error?.failure === failure)
    return { kind: failure, reason: error.reason, at: error.at, class: error.class };
  return { kind: failure, reason: OTHERWISE[failure] ?? failure, at: new Date() };
}

const OTHERWISE: Partial<Record<TaskFailure, string>> = {
  cancelled: 'the run was cancelled',
  crashed: 'the process that ran it alone died with it',
};
