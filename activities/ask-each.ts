/**
 * An activity's requests to the legacy system, each through the gate and each answered for itself: no step can have one wait
 * for another. The answers are taken after a short grace; calls on the wire go on without the activity, and requests that
 * still wait for the gate are left for the next one.
 */
import { BEGUN_MS } from '../src/domain/timing.ts';
import type { Gate } from '../src/outbound/gate.ts';
import type { Lane } from '../src/coordination/rates.ts';
import { within } from '../src/runtime/retry.ts';
import { createGathering, type Gathered, type Patience } from './gathering.ts';
import { ownRun, type Liveness } from './heartbeat.ts';
import type { Call, Calls, UnderWay } from './under-way.ts';
import type { Wait } from '../src/outbound/breaker.ts';

export interface Asking<R, A> {
  lane: Lane;
  requests: readonly R[];
  /** Tells calls of one index apart. */
  subjectOf: (request: R) => string;
  calls: Calls<A>;
  /** Begins a call for each request that the gate has let through. `giveUp`: none of them will be sent; frees their slots. */
  begin: (chunk: R[], giveUp: () => void) => Call<A>[];
  liveness: Liveness;
  /** Answers are there already: the grace runs. */
  hasAnswers?: boolean;
  /** A single request asks first whether anybody is there. */
  isProbing?: boolean;
  /** After such answers to a whole chunk no more is sent. */
  turnsAway?: (answer: A) => boolean;
  patience?: Patience | undefined;
}

export interface Asked<R, A> extends Gathered<R, A> {
  /** Those that wait for the gate, and may go at once. */
  waiting: R[];
  /** Not to be sent now: the legacy system turns them away, the attempt is over, or the gate is shut, as `wait` says. */
  turnedAway: R[];
  wait: Wait | null;
}

export async function askEach<R extends { index: number }, A>(
  { gate, underWay }: { gate: Gate; underWay: UnderWay },
  asking: Asking<R, A>,
): Promise<Asked<R, A>> {
  const { lane, requests, subjectOf, calls, begin, liveness, turnsAway } = asking;
  const gathering = createGathering<R, A>(asking.patience);
  const line = `${lane} ${ownRun()}`;
  let waiting: R[] = [];
  let isOver = false;
  let hasReturned = false;
  const begins: Promise<void>[] = [];
  const shut: { wait: Wait | null } = { wait: null };
  const maySend = (): boolean => !isOver && !hasReturned && liveness.maySend();

  for (const request of requests) {
    const answer = calls.find(request.index, subjectOf(request));
    if (answer === undefined) waiting.push(request);
    else gathering.await(request, answer);
  }
  if (asking.hasAnswers === true) gathering.hasAnswer();
  // A cancelled attempt waits no longer than one that has an answer.
  if (liveness.signal.aborted) gathering.hasAnswer();
  liveness.signal.addEventListener('abort', gathering.hasAnswer, { once: true });
  await gathering.isOver(sendAll());
  const mayGoOn = maySend() && shut.wait === null;
  hasReturned = true;
  await areBegun();
  const gathered = gathering.taken();
  if (waiting.length === 0) underWay.letGoOfTurn(line);
  return {
    ...gathered,
    waiting: mayGoOn ? waiting : [],
    turnedAway: mayGoOn ? [] : waiting,
    wait: shut.wait,
  };

  /**
   * A run that hears of a call on the wire reads the journal next, and takes an entry that is not there for never sent. So the
   * attempt returns only when it is there. A call that takes longer than this is not sent any more (send-chunk.ts).
   */
  async function areBegun(): Promise<void> {
    await within(BEGUN_MS, 'intents', Promise.all(begins)).catch(() => {});
  }

  async function sendAll(): Promise<void> {
    let isAlone = asking.isProbing === true;
    while (waiting.length > 0 && maySend()) {
      const turn = underWay.turnOf(line, () => gate.turn());
      const grant = await gate.take(lane, isAlone ? 1 : waiting.length, turn, maySend);
      // The grant may have come too late.
      if (!maySend()) return gate.release(lane, grant.count);
      shut.wait = grant.wait;
      if (grant.wait !== null) return;
      const chunk = waiting.slice(0, grant.count);
      waiting = waiting.slice(grant.count);
      const sent = send(chunk);
      if (isAlone) await sent;
      isAlone = false;
    }
  }

  /** Resolves when all of them are answered. */
  async function send(chunk: R[]): Promise<void> {
    const releases = chunk.map(() => once(() => gate.release(lane, 1)));
    const begun = begin(chunk, () => {
      isOver = true;
      for (const release of releases) release();
    });
    let left = chunk.length;
    let areTurnedAway = turnsAway !== undefined;
    const ended = (isTurnedAway: boolean, at: number): void => {
      left -= 1;
      areTurnedAway &&= isTurnedAway;
      // Before the slot is free for the next request.
      if (left === 0) isOver ||= areTurnedAway;
      releases[at]?.();
    };
    const answers = begun.map(async (call, at) => {
      try {
        const answer = await call.answer;
        ended(turnsAway?.(answer) === true, at);
        return answer;
      } catch (error) {
        isOver = true;
        ended(true, at);
        throw error;
      }
    });
    for (const [at, request] of chunk.entries()) {
      const [call, answer] = [begun[at], answers[at]];
      if (call === undefined || answer === undefined) throw new Error('a call was not begun');
      if (call.begun !== undefined) begins.push(call.begun);
      calls.add(request.index, subjectOf(request), call);
      gathering.await(request, answer);
    }
    await Promise.allSettled(answers);
  }
}

export const answerEach = <const A extends { kind: string }>(
  requests: readonly { index: number }[],
  answer: A,
): ({ index: number } & A)[] => requests.map(({ index }) => ({ index, ...answer }));

function once(action: () => void): () => void {
  let isDone = false;
  return () => {
    if (!isDone) action();
    isDone = true;
  };
}
