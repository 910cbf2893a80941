/** The table of steps: which items each takes, its activity and policy, and the transition of its answers. */
import { proxyActivities, proxyLocalActivities } from '@temporalio/workflow';
import type { Activities } from '../../activities/registrations/create.ts';
import * as transitions from '../../src/domain/registrations/after-answer.ts';
import type { NewPlan, PollAnswer } from '../../src/domain/registrations/answers.ts';
import type {
  Claiming,
  Doubtful,
  Item,
  Polling,
  Settling,
  Submitting,
} from '../../src/domain/registrations/item.ts';
import type { PollPlan } from '../../src/domain/registrations/poll-plan.ts';
import type { Rules } from '../../src/domain/registrations/rules.ts';
import { LOCAL_ATTEMPT_MS, START_TO_CLOSE_MS } from '../../src/domain/timing.ts';
import { HEARTBEATING, OWN, rowsOf } from '../run.ts';

/** The legacy system: short rests at first, never more than 15 s, which an outage adds to the lag. */
const legacy = proxyActivities<Pick<Activities, 'submit' | 'poll' | 'lookUp'>>({
  ...HEARTBEATING,
  startToCloseTimeout: START_TO_CLOSE_MS,
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '15s' },
});

const own =
  proxyActivities<Pick<Activities, 'claim' | 'recheck' | 'resolve' | 'persist' | 'route'>>(OWN);

/**
 * One quick try inside the workflow task, for steps that may be done twice. A poll then costs the server one workflow task
 * instead of three and two activity tasks (docs/decisions/0008-local-first.md). A failed try goes on under the retry policy
 * above, so that no workflow task waits for a server that is down.
 */
const local = proxyLocalActivities<Pick<Activities, 'claim' | 'poll' | 'persist'>>({
  // Includes its wait in the worker: else it could outlast its workflow task.
  scheduleToCloseTimeout: LOCAL_ATTEMPT_MS,
  retry: { maximumAttempts: 1 },
});

export const resolve = own.resolve;

const row = rowsOf<Item>();

/** @param learn takes the plan that a poll brings, before its answers are applied */
export function registrationSteps(rules: () => Rules, learn: (plan: PollPlan) => void) {
  const learnFrom = (answers: (PollAnswer | NewPlan)[]): PollAnswer[] =>
    answers.flatMap((answer) => {
      if (answer.kind !== 'plan') return [answer];
      learn(answer.plan);
      return [];
    });
  /** The rest of maxOpen for the oldest, ms; a minute at least, for a fair attempt. */
  const left = (now: number, ...since: number[]): number =>
    Math.max(Math.min(...since) + rules().maxOpen - now, 60_000);
  return {
    claim: row({
      takes: (item): item is Claiming => item.phase === 'claim',
      group: 'own',
      request: ({ index, registration }) => ({ index, ...registration }),
      activity: (options, requests) => own.claim.executeWithOptions(options, [requests]),
      local: (requests) => local.claim(requests),
      after: (item, answer, now) => transitions.afterClaim(item, answer, rules(), now),
    }),
    submit: row({
      takes: (item): item is Submitting => item.phase === 'submit',
      group: 'outbound',
      request: ({ index, claim, entry }) => ({ index, claim, entry }),
      activity: (options, requests) => legacy.submit.executeWithOptions(options, [requests]),
      timeLeft: (items, now) => left(now, ...items.map(({ receivedAt }) => receivedAt)),
      after: (item, answer, now) => transitions.afterSubmit(item, answer, rules(), now),
    }),
    poll: row({
      takes: (item): item is Polling => item.phase === 'poll',
      group: 'outbound',
      request: pollRequest,
      activity: (options, requests) =>
        legacy.poll.executeWithOptions(options, [requests, rules().plan]).then(learnFrom),
      local: (requests) => local.poll(requests, rules().plan).then(learnFrom),
      timeLeft: (items, now) => left(now, ...items.map(({ openSince }) => openSince)),
      after: (item, answer, now) => transitions.afterPoll(item, answer, rules(), now),
    }),
    recheck: row({
      takes: (item): item is Doubtful => item.phase === 'doubt' && !item.lookUp,
      group: 'own',
      request: ({ index, entry }) => ({ index, entry }),
      activity: (options, requests) => own.recheck.executeWithOptions(options, [requests]),
      after: (item, answer, now) => transitions.afterSubmit(item, answer, rules(), now),
    }),
    lookUp: row({
      takes: (item): item is Doubtful => item.phase === 'doubt' && item.lookUp,
      group: 'outbound',
      request: ({ index, id, entry }) => ({
        ...{ index, id, entry },
        settleTime: rules().lookUpAfter ?? 0,
      }),
      activity: (options, requests) => legacy.lookUp.executeWithOptions(options, [requests]),
      // And then a rest (flow.ts): an operator's word waits until no step has the registration.
      timeLeft: () => 60_000,
      after: (item, answer, now) => transitions.afterLookUp(item, answer, rules(), now),
    }),
    persist: row({
      takes: (item): item is Settling =>
        item.phase === 'settle' && item.outcome.kind === 'registered',
      group: 'own',
      request: settlement,
      activity: (options, requests) => own.persist.executeWithOptions(options, [requests]),
      local: (requests) => local.persist(requests),
      after: (item, answer, now) => transitions.afterSettle(item, answer, rules(), now),
    }),
    route: row({
      takes: (item): item is Settling =>
        item.phase === 'settle' && item.outcome.kind !== 'registered',
      group: 'own',
      request: settlement,
      activity: (options, requests) => own.route.executeWithOptions(options, [requests]),
      after: (item, answer, now) => transitions.afterSettle(item, answer, rules(), now),
    }),
  };
}

const pollRequest = ({ index, requestId, acceptedAt, polledAt }: Polling) => {
  return { index, requestId, acceptedAt, polledAt };
};

const settlement = (item: Settling) => {
  const { index, id, claim, entry, requestId, acceptedAt, polls, doubt, outcome } = item;
  return { index, id, claim, entry, requestId, acceptedAt, polls, doubt, outcome };
};
