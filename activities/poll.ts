/**
 * Asks the legacy system how far registrations are. "Processing" is an answer, and so is an unreadable one among
 * readable ones; an attempt that could read nothing throws, and Temporal's retry policy is the backoff.
 */
import { activityInfo } from '@temporalio/activity';
import type { ApplicationFailure } from '@temporalio/common';
import type { PollAnswer } from '../src/domain/answers.ts';
import type { PollPlan } from '../src/domain/poll-plan.ts';
import type { Held } from '../src/door.ts';
import { failpoint } from '../src/failpoint.ts';
import type { Dependencies } from './create.ts';
import { withHeartbeat } from './heartbeat.ts';
import type { Liveness } from './heartbeat.ts';
import { tryLater } from './try-later.ts';

export interface PollRequest {
  index: number;
  requestId: string;
  /** Epoch ms of its acceptance, and of the last poll that said "processing"; runs before these were learned from had neither. */
  acceptedAt?: number | null;
  polledAt?: number | null;
}

type Needs = Pick<Dependencies, 'clock' | 'legacy' | 'door' | 'learner' | 'metrics'>;

/** With the newest plan of polls, where it is clearly better than the one the run has. */
export type PollAnswers = PollAnswer[] | { answers: PollAnswer[]; plan: PollPlan };

/**
 * The poll that a run gets: as createPoll, and told the run's plan it brings a better one when that is used up. Not before:
 * what was seen while others of the same age still wait is of the quick ones alone. Runs of before tell no plan.
 */
export const createPlannedPoll = (needs: Needs & Pick<Dependencies, 'plans'>) => {
  const poll = createPoll(needs);
  return async (requests: PollRequest[], plan?: PollPlan): Promise<PollAnswers> => {
    const answers = await poll(requests);
    const newest =
      plan !== undefined && isUsedUp(plan, requests, needs.clock.now())
        ? needs.plans.replan(plan)
        : null;
    return newest === null ? answers : { answers, plan: newest };
  };
};

const isUsedUp = ({ offsets }: PollPlan, requests: PollRequest[], now: number): boolean =>
  requests.some(({ acceptedAt }) => now - (acceptedAt ?? Infinity) > (offsets.at(-1) ?? 0));

/** An attempt inside the workflow task has 5 s (workflows/steps.ts); one who does not answer must not cost the others' answers. */
const LOCAL_PATIENCE_MS = 4_000;

export const createPoll =
  (needs: Needs) =>
  (requests: PollRequest[]): Promise<PollAnswer[]> =>
    withHeartbeat(async (liveness) => {
      const { attempt, isLocal } = activityInfo();
      const patience = isLocal ? LOCAL_PATIENCE_MS : undefined;
      let waiting = requests;
      const answers: PollAnswer[] = [];
      if (attempt > 1) {
        // Nobody was there: ask with one, then with twice as many each time, and others first, in case it is these that
        // cannot be read.
        const at = attempt % requests.length;
        const others = [...requests.slice(at), ...requests.slice(0, at)];
        const probe = others.slice(0, 2 ** (attempt - 2));
        answers.push(...(await ask(needs, probe, liveness, patience)));
        if (!isAnyRead(answers)) throw nothingReadable(answers);
        waiting = requests.filter((request) => !probe.includes(request));
      }
      answers.push(...(await ask(needs, waiting, liveness, patience)));
      if (!isAnyRead(answers)) {
        await liveness.throwIfCancelled();
        throw nothingReadable(answers);
      }
      return answers;
    });

async function ask(
  { clock, legacy, door, learner, metrics }: Needs,
  requests: PollRequest[],
  liveness: Liveness,
  patience: number | undefined,
): Promise<PollAnswer[]> {
  let waiting = requests;
  let held: Held | null = null;
  const turn = door.turn();
  const chunks: Promise<PollAnswer[]>[] = [];
  while (waiting.length > 0 && liveness.maySend()) {
    const { count, held: isHeld } = await door.take('gets', waiting.length, turn);
    held = isHeld;
    if (held !== null) break;
    chunks.push(askChunk(waiting.slice(0, count)).finally(() => door.release(count)));
    waiting = waiting.slice(count);
  }
  const answers = (await Promise.all(chunks)).flat();
  if (held === null) return answers;
  const { reason, retryAfter } = held;
  const left = waiting.map(({ index }) => ({ index, kind: 'held', reason, retryAfter }) as const);
  return [...answers, ...left];

  function askChunk(chunk: PollRequest[]): Promise<PollAnswer[]> {
    return Promise.all(
      chunk.map(async ({ index, requestId, acceptedAt, polledAt }) => {
        failpoint('poll-asking');
        const result = await legacy.status(requestId, patience);
        failpoint('poll-answered');
        metrics.polls.inc({ result: result.kind });
        const isOver = result.kind === 'done' || result.kind === 'failed';
        if (isOver && typeof acceptedAt === 'number') {
          const after = Math.max(0, (polledAt ?? acceptedAt) - acceptedAt);
          learner.observe({ after, upTo: clock.now() - acceptedAt });
        }
        return { index, ...result };
      }),
    );
  }
}

const isAnyRead = (answers: PollAnswer[]): boolean =>
  answers.some(({ kind }) => kind !== 'unreadable' && kind !== 'held');

function nothingReadable(answers: PollAnswer[]): ApplicationFailure {
  const unreadable = answers.filter(
    (answer) => answer.kind === 'unreadable' || answer.kind === 'held',
  );
  return tryLater('LegacyUnreadable', 'No status could be read', unreadable);
}
