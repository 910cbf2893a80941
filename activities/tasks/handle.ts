/**
 * Runs the handler for each task, as slots become free, and writes down what came of it. The activity returns a short while after
 * the first answer: what has not begun by then is left for the next one, here or in another process; what is still running goes
 * on, and `follow` waits for it in this process.
 */
import { activityInfo } from '@temporalio/activity';
import { messageOf } from '../../src/claims/claims.ts';
import { MOST_DEATHS, type HandleAnswer } from '../../src/domain/tasks.ts';
import { failpoint } from '../../src/runtime/failpoint.ts';
import { errorFacts } from '../../src/runtime/log.ts';
import { createSlots } from '../../src/runtime/slots.ts';
import type { Recorded, TaskClaim, TaskError } from '../../src/tasks/claims.ts';
import { callOf } from '../../src/tasks/call-of.ts';
import type { Call, Ended } from '../../src/workers/call.ts';
import { answerOf } from '../../src/workers/ended.ts';
import { hookAfter } from '../../src/workers/hooks.ts';
import { fenced } from '../fence.ts';
import { createGathering, type Patience } from '../gathering.ts';
import { ownRun, placeOf, withHeartbeat } from '../heartbeat.ts';
import type { Taken } from '../../src/domain/run.ts';
import { createCancelling } from './cancelling.ts';
import type { TaskDependencies } from './dependencies.ts';
import { inHandfuls } from './handfuls.ts';
import { WAIT_MS, noSlot, takenInTime, waitOf, type Line } from './in-line.ts';
import { EndedOtherwise, createRecorder } from './recorder.ts';
import { recordedAnswer } from './recorded.ts';

export interface HandleRequest {
  index: number;
  claim: string;
  /** 1 for the first. */
  attempt: number;
  isLastAttempt: boolean;
  /** A process has perhaps vanished with it. */
  isSuspect: boolean;
}

export function createHandle(needs: TaskDependencies) {
  const { worker, batchSize, results, process, claims, caller, metrics, log } = needs;
  const { slots, running, isStopping } = needs;
  /** The one call that may run alone. */
  const aloneSlots = createSlots(1);
  const recorder = createRecorder(async (all, run) => {
    await results.write(all.flatMap(({ ended }) => ended ?? []));
    const missed = await claims.record(all, run);
    // They have ended otherwise, and their claims know how.
    if (missed.size > 0) {
      const found = await claims.find([...missed]);
      await results.write([...found.values()].flatMap(asEnded));
    }
    return missed;
  });
  const unlessCancelled = createCancelling(needs);

  return (requests: HandleRequest[], patience?: Patience): Promise<(HandleAnswer | Taken)[]> =>
    withHeartbeat(async (liveness) => {
      // Inside a workflow task nobody waits for a slot: outside, whichever process is free first takes it.
      if (patience !== undefined && (!slots.isFree() || isStopping())) throw noSlot();
      const run = ownRun();
      // The tasks of a run stay together: in turns with those of all other runs, none of them would get anywhere.
      const turns = new Map([slots, aloneSlots].map((line) => [line, line.turn()]));
      const take = (line: Line, wanted: number, ms: number): Promise<number> =>
        takenInTime(line, [wanted, turns.get(line) ?? line.turn()], ms, liveness.signal);
      // Claims are read when it is their turn: by all that wait in line, they would be read again and again.
      const wanted = Math.ceil(requests.length / (batchSize ?? 1));
      /** For the first calls. */
      let inHand = await take(slots, wanted, waitOf(activityInfo().attempt));
      if (inHand === 0 && !liveness.signal.aborted) throw noSlot();
      if (inHand === 0) return [];
      const letGo = (): void => {
        slots.release(inHand);
        inHand = 0;
      };
      let hasReturned = false;
      const lost: Taken[] = [];
      const gathering = createGathering<HandleRequest, HandleAnswer>(patience);
      try {
        if (liveness.signal.aborted) gathering.hasAnswer();
        liveness.signal.addEventListener('abort', gathering.hasAnswer, { once: true });
        await gathering.isOver(beginAll());
        const { answers, open, failures } = gathering.taken();
        const isNothing = lost.length + answers.length + open.length === 0;
        // Written down nowhere: the claim is read, and the handler perhaps run, again.
        if (isNothing && failures.length > 0) throw failures[0];
        if (isNothing && !liveness.signal.aborted) throw noSlot();
        return [
          ...lost,
          ...answers,
          ...open.map(({ index }): HandleAnswer => ({ index, kind: 'running', process })),
        ];
      } finally {
        hasReturned = true;
        letGo();
        for (const [line, turn] of turns) line.leave(turn);
      }

      async function beginAll(): Promise<void> {
        // Before the claims: what ends in between is found here.
        const here = new Map(requests.map((request) => [request, running.find(request)]));
        const apart: Found[] = [];
        for await (const { some, found } of inHandfuls(claims, requests, batchSize ?? 1)) {
          const { ours, lost: gone } = fenced(some, (claim) => found.get(claim)?.workflowId);
          lost.push(...gone);
          const others: Found[] = [];
          for (const request of ours) {
            const claim = found.get(request.claim);
            const known = here.get(request) ?? recordedAnswer(request, claim);
            if (known !== null) gathering.await(request, Promise.resolve(known));
            else (isApart(claim) ? apart : others).push({ request, claim });
          }
          for (const each of slices(others, batchSize ?? 1))
            if (!(await begin(each, slots))) return;
        }
        letGo();
        for (const each of apart) if (!(await begin([each], aloneSlots))) return;
      }

      /** False: no other is begun here. */
      async function begin(some: readonly Found[], line: Line): Promise<boolean> {
        if (line === slots && inHand > 0) inHand -= 1;
        else if (hasReturned || (await take(line, 1, WAIT_MS)) === 0) {
          // What is left is for whoever is free.
          gathering.hasAnswer();
          return false;
        }
        await recorder.keptUp();
        if (hasReturned || !liveness.maySend()) {
          line.release(1);
          return false;
        }
        const ends = call(some, run).finally(() => line.release(1));
        for (const [at, { request }] of some.entries()) {
          const answer = ends.then((all) => conclude(request, all[at], run));
          running.add(request, answer);
          gathering.await(request, answer);
        }
        return true;
      }
    });

  async function call(some: readonly Found[], run: string): Promise<(Called | undefined)[]> {
    const known = some.map(({ request, claim }) => {
      const body = claim === undefined ? null : messageOf(claim);
      return claim === undefined || body === null
        ? null
        : { claim, call: callOf(claim, body, request) };
    });
    const calls = known.flatMap((each) => each?.call ?? []);
    const [first] = some;
    const alone = isApart(first?.claim);
    const suspects = some.flatMap(({ request: { claim, isSuspect } }) =>
      isSuspect || alone ? claim : [],
    );
    const noted = () => claims.noteDeaths(suspects, run, deathsOf(first?.claim) + 1);
    const how = { alone, ...(suspects.length === 0 ? {} : { noted }) };
    const startedAt = new Date();
    failpoint('handle-beginning');
    const ends = await unlessCancelled(
      known.flatMap((each) => (each === null ? [] : { claim: each.claim._id, id: each.call.id })),
      batchSize === null
        ? Promise.all(calls.map((each) => caller.call(each, how)))
        : caller.callBatch(calls, how),
    );
    failpoint('handle-ended');
    const finishedAt = new Date();
    metrics.handling.observe({ worker }, (finishedAt.getTime() - startedAt.getTime()) / 1000);
    return known.map((each) => {
      const end = each === null ? undefined : ends.shift();
      return each === null || end === undefined
        ? undefined
        : { ...each, end, startedAt, finishedAt };
    });
  }

  /** Writes down what came of a call, and tells the hooks. @throws when it cannot be written down */
  async function conclude(
    { index, attempt, isSuspect }: HandleRequest,
    called: Called | undefined,
    run: string,
  ): Promise<HandleAnswer> {
    if (called === undefined) {
      const facts = { worker, ...placeOf(index) };
      log.error(
        { runbook: 'handlers-fail', ...facts },
        'The claim of a task is gone, and its message with it: its run fails at its end, and a sweep begins the task anew',
      );
      return { index, kind: 'unclaimed' };
    }
    const { claim, call, end, startedAt, finishedAt } = called;
    metrics.attempts.inc({ worker, end: end.kind });
    const deaths = deathsOf(claim);
    if (end.kind === 'interrupted') {
      if (isSuspect || deaths > 0) await claims.noteDeaths([claim._id], run, deaths);
      return { index, kind: 'interrupted' };
    }
    if (end.kind === 'held') return { index, kind: 'held', retryAfter: end.retryAfter };
    const error = errorOf(end, finishedAt);
    if (error !== null) {
      const facts = { worker, attempt, class: error.class, ...placeOf(index) };
      log.info(facts, 'An attempt of a task failed');
    }
    // Nobody knows who of those in a process has killed it.
    const attempts = end.kind === 'crashed' ? attempt - 1 : attempt;
    const attempted = { attempts, startedAt, finishedAt, error };
    const recorded: Recorded = { claim: claim._id, ...attempted };
    if (end.kind === 'crashed') recorded.deaths = deaths + 1;
    if (end.kind === 'done') {
      const { outgoing } = end;
      const settles = outgoing.length === 0;
      const result = results.kept(end.result);
      recorded.done = { result: results.areInClaim(settles) ? result : null, outgoing };
      const outcome = { kind: 'done', reason: null, at: finishedAt } as const;
      if (settles)
        recorded.ended = { ...claim, ...attempted, result, outcome, settledAt: finishedAt };
    }
    await recorder.record(recorded, run).catch((why: unknown) => {
      const facts = { worker, ...placeOf(index), ...errorFacts(why) };
      log.warn(
        { runbook: 'mongodb-away', ...facts },
        why instanceof EndedOtherwise
          ? 'A task was ended, or taken over, while it was handled: its result is left out'
          : 'MongoDB did not take the end of an attempt: the handler of the task is perhaps run again',
      );
      throw why;
    });
    failpoint('handle-recorded');
    if (end.kind === 'done' && end.outgoing.length === 0)
      metrics.tasks.inc({ worker, outcome: 'done' });
    const hook = hookAfter(end, call);
    // That of the last failure is told when the task ends with it.
    if (hook !== null && hook.kind !== 'onError') caller.tell(call, hook);
    if (end.kind === 'crashed' && deaths + 1 > MOST_DEATHS)
      return { index, kind: 'failed', failure: 'crashed' };
    return answerOf(end, index);
  }
}

interface Found {
  request: HandleRequest;
  claim: TaskClaim | undefined;
}

/** As it will be once it is settled, where its end is decided. */
const asEnded = (claim: TaskClaim): TaskClaim[] =>
  claim.outcome === null ? [] : [{ ...claim, settledAt: claim.settledAt ?? claim.outcome.at }];

const deathsOf = (claim: TaskClaim | undefined): number => claim?.deaths ?? 0;
/** Its process has died with it among others, or may have: nothing else runs beside it from then on. */
const isApart = (claim: TaskClaim | undefined): boolean => deathsOf(claim) > 0;

const slices = <T>(all: T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(all.length / size) }, (_, n) =>
    all.slice(n * size, (n + 1) * size),
  );

interface Called {
  claim: TaskClaim;
  call: Call;
  end: Ended;
  startedAt: Date;
  finishedAt: Date;
}

function errorOf(end: Ended, at: Date): TaskError | null {
  switch (end.kind) {
    case 'done':
    case 'held':
    case 'interrupted':
      return null;
    case 'again':
      return {
        ...{ failure: 'exhausted', class: end.class, reason: end.reason, at },
        ...(end.retryAfter === null ? {} : { retryAt: new Date(at.getTime() + end.retryAfter) }),
      };
    case 'failed':
      return { failure: end.failure, class: end.class, reason: end.reason, at };
    case 'timeout':
    case 'crashed':
      return { failure: end.kind, class: end.kind, reason: end.reason, at };
  }
}
