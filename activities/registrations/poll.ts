/** Asks the legacy system how far registrations are. An attempt that could read nothing throws. */
import { activityInfo } from '@temporalio/activity';
import type { ApplicationFailure } from '@temporalio/common';
import type { NewPlan, PollAnswer } from '../../src/domain/registrations/answers.ts';
import type { Polling } from '../../src/domain/registrations/item.ts';
import { halfDoneBy } from '../../src/domain/registrations/learned-plan.ts';
import type { PollPlan } from '../../src/domain/registrations/poll-plan.ts';
import { LOCAL_PATIENCE } from '../../src/domain/timing.ts';
import { failpoint } from '../../src/runtime/failpoint.ts';
import { answerEach, askEach, type Asked } from '../ask-each.ts';
import { withHeartbeat } from '../heartbeat.ts';
import { tryLater } from '../try-later.ts';
import type { Dependencies } from './dependencies.ts';

export type PollRequest = Pick<Polling, 'index' | 'requestId' | 'acceptedAt' | 'polledAt'>;

type Needs = Pick<Dependencies, 'clock' | 'legacy' | 'gate' | 'underWay' | 'learner' | 'metrics'>;

/** As createPoll, and brings a better plan than the run's own (src/registrations/plans.ts), perhaps learned just now. */
export const createPlannedPoll = (needs: Needs & Pick<Dependencies, 'plans'>) => {
  const poll = createPoll(needs);
  return async (requests: PollRequest[], plan: PollPlan): Promise<(PollAnswer | NewPlan)[]> => {
    const answers = await poll(requests);
    const asked = agesOf(requests, answers, needs.clock.now());
    const earlyEnd = halfDoneBy(plan, asked);
    if (earlyEnd !== null) needs.learner.hasten(earlyEnd);
    const last = plan.offsets.at(-1) ?? 0;
    const newest = needs.plans.replan(
      plan,
      asked.some(({ age }) => age > last),
    );
    return newest === null ? answers : [...answers, { kind: 'plan', plan: newest }];
  };
};

/** How old those are that were answered, ms after acceptance, and whether they are done. A refusal tells nothing of the time. */
function agesOf(requests: PollRequest[], answers: PollAnswer[], now: number) {
  const kinds = new Map(answers.map(({ index, kind }) => [index, kind]));
  return requests.flatMap(({ index, acceptedAt }) => {
    const kind = kinds.get(index);
    const isDone = kind === 'done';
    return isDone || kind === 'processing' ? [{ age: now - acceptedAt, isDone }] : [];
  });
}

/** A local attempt does not wait for slow answers: an activity joins those calls. */
export const createPoll = (needs: Needs) => {
  const { clock, gate, legacy, learner, metrics, underWay } = needs;
  const calls = underWay.calls<PollAnswer>();
  return (requests: PollRequest[]): Promise<PollAnswer[]> =>
    withHeartbeat(async (liveness) => {
      const { attempt, isLocal } = activityInfo();
      const patience = isLocal ? LOCAL_PATIENCE : undefined;
      const ask = async (some: PollRequest[], hasAnswers: boolean): Promise<PollAnswer[]> =>
        answersOf(
          await askEach(needs, {
            lane: 'gets',
            requests: some,
            subjectOf: ({ requestId }) => requestId,
            calls,
            begin: (chunk) => chunk.map((request) => ({ answer: statusOf(request) })),
            liveness,
            hasAnswers,
            patience,
          }),
        );
      const answers: PollAnswer[] = [];
      let waiting = requests;
      if (attempt > 1) {
        // After a failed attempt probe with 1, 2, 4 … requests, starting at another one each time.
        const at = attempt % requests.length;
        const others = [...requests.slice(at), ...requests.slice(0, at)];
        const probe = others.slice(0, 2 ** (attempt - 2));
        answers.push(...(await ask(probe, false)));
        if (!isWorthReturning(answers)) throw nothingReadable(answers);
        waiting = requests.filter((request) => !probe.includes(request));
      }
      answers.push(...(await ask(waiting, answers.length > 0)));
      if (!isWorthReturning(answers)) {
        await liveness.throwIfCancelled();
        throw nothingReadable(answers);
      }
      return answers;
    });

  async function statusOf(request: PollRequest): Promise<PollAnswer> {
    const { index, requestId, acceptedAt, polledAt } = request;
    failpoint('poll-asking');
    const result = await legacy.status(requestId, () => gate.another('gets'));
    failpoint('poll-answered');
    metrics.polls.inc({ result: result.kind });
    const isOver = result.kind === 'done' || result.kind === 'failed';
    if (isOver) {
      const after = Math.max(0, (polledAt ?? acceptedAt) - acceptedAt);
      learner.observe({ after, upTo: clock.now() - acceptedAt });
    }
    return { index, ...result };
  }
};

function answersOf(asked: Asked<PollRequest, PollAnswer>): PollAnswer[] {
  const { answers, open, waiting, turnedAway, wait } = asked;
  return [
    ...answers,
    ...answerEach(open, { kind: 'on the wire' }),
    ...answerEach(waiting, { kind: 'waiting' }),
    // Those of an attempt that is over have no answer, and stay due.
    ...(wait === null ? [] : answerEach(turnedAway, { kind: 'deferred', ...wait })),
  ];
}

const isUnread = (answer: PollAnswer) => answer.kind === 'unreadable' || answer.kind === 'deferred';

const isWorthReturning = (answers: PollAnswer[]): boolean => !answers.every(isUnread);

const nothingReadable = (answers: PollAnswer[]): ApplicationFailure =>
  tryLater('LegacyUnreadable', 'No status could be read', answers.filter(isUnread));
