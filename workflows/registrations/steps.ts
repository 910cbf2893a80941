/** Which activity does a step, under which policy, and what its answers make of the items. */
import {
  ActivityCancellationType,
  TemporalFailure,
  isCancellation,
  proxyActivities,
  proxyLocalActivities,
} from '@temporalio/workflow';
import type { Activities } from '../../activities/registrations/create.ts';
import {
  afterClaim,
  afterLookUp,
  afterPoll,
  afterSettle,
  afterSubmit,
} from '../../src/domain/registrations/after-answer.ts';
import type { Taken } from '../../src/domain/registrations/answers.ts';
import { waitedSince, withPlan } from '../../src/domain/registrations/batch.ts';
import type { Item, Rules, Step } from '../../src/domain/registrations/batch.ts';
import { OUR_REASON } from '../../src/domain/registrations/outcome.ts';
import type { OutcomeKind } from '../../src/domain/registrations/outcome.ts';
import type { PollPlan } from '../../src/domain/registrations/poll-plan.ts';
import type { LocalAttempts } from '../local-attempts.ts';

/**
 * All of the server's activities heartbeat, so that a dead worker is noticed after 8 s and not after startToCloseTimeout.
 * No maximumAttempts: Temporal's retry policy is the only backoff there is. An attempt that got any answer returns.
 * Cancellation is waited for: what was sent is answered, and its answer is kept.
 */
const common = {
  heartbeatTimeout: '8s',
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
} as const;

/** The legacy system: short rests at first, never more than 15 s, since that is what an outage adds to the lag. */
const legacy = proxyActivities<Pick<Activities, 'submit' | 'poll' | 'lookUp'>>({
  ...common,
  startToCloseTimeout: '10m',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '15s' },
});

/** MongoDB and the failure queue: ours, and expected back soon. */
const store = proxyActivities<
  Pick<Activities, 'claim' | 'recheck' | 'resolve' | 'persist' | 'route'>
>({
  ...common,
  startToCloseTimeout: '2m',
  retry: { initialInterval: '500ms', backoffCoefficient: 2, maximumInterval: '10s' },
});

/**
 * One quick try inside the workflow task, for steps that may be done twice: claim, poll and persist. A round of polls then
 * costs the server one workflow task instead of three and two activity tasks (docs/decisions/0008-local-first.md). What
 * fails here is given to the server's retry policy above, so that no workflow task waits for a neighbour that is down.
 */
const local = proxyLocalActivities<Pick<Activities, 'claim' | 'poll' | 'persist'>>({
  startToCloseTimeout: '5s',
  scheduleToCloseTimeout: '7s',
  retry: { maximumAttempts: 1 },
});

async function localFirst<T>(
  attempts: LocalAttempts | null,
  quick: () => Promise<T>,
  durable: () => Promise<T>,
): Promise<T> {
  if (attempts === null) return durable();
  try {
    return await attempts.try(quick);
  } catch (error) {
    // Of a local activity the SDK hands over what it threw, with no ActivityFailure around it; of one that timed out it
    // hands over an ActivityFailure, and to a replay the bare TimeoutFailure.
    if (!(error instanceof TemporalFailure) || isCancellation(error)) throw error;
    return durable();
  }
}

export const resolve = store.resolve;

type HowItLeft = OutcomeKind | 'duplicate' | 'unroutable' | 'taken';

/** The items of a step as its answers made them, and how those left that leave the batch. */
export interface Answered {
  items: Map<number, Item | null>;
  left: HowItLeft[];
  /** Of the items: those that got no answer. */
  unanswered: Set<number>;
  /** The newest plan of polls, where an activity brought one. */
  plan?: PollPlan;
}

/** Has an activity do a step. @throws ActivityFailure when it gave up or was cancelled without an answer */
export async function perform(
  step: Step,
  rules: Rules,
  attempts: LocalAttempts,
): Promise<Answered> {
  const { items } = step;
  const tried = !items.some((item) => item.sick) && attempts.mayBegin() ? attempts : null;
  const summary = items.length === 1 ? (items[0]?.label ?? '') : `${items.length} registrations`;
  switch (step.kind) {
    case 'claim': {
      const requests = items.map(claimRequest);
      const answers = await localFirst(
        tried,
        () => local.claim(requests),
        () => store.claim.executeWithOptions({ summary }, [requests]),
      );
      return applied(items, answers, (item, answer) => afterClaim(item, answer, rules, Date.now()));
    }
    case 'submit': {
      const scheduleToCloseTimeout = leftOf(rules.maxOpen, items, (item) => item.receivedAt);
      const requests = items.map(({ index, claim, entry }) => ({ index, claim, entry }));
      const answers = await legacy.submit.executeWithOptions({ summary, scheduleToCloseTimeout }, [
        requests,
      ]);
      return applied(items, answers, (item, answer) =>
        afterSubmit(item, answer, rules, Date.now()),
      );
    }
    case 'poll': {
      const scheduleToCloseTimeout = leftOf(rules.maxOpen, items, (item) => waitedSince(item) ?? 0);
      const requests = items.map(({ index, requestId, acceptedAt, polledAt }) => ({
        index,
        requestId: requestId ?? '',
        acceptedAt,
        polledAt: polledAt ?? null,
      }));
      const { plan } = rules;
      const result = await localFirst(
        tried,
        () => local.poll(requests, plan),
        () => legacy.poll.executeWithOptions({ summary, scheduleToCloseTimeout }, [requests, plan]),
      );
      // Recorded results of before are the answers alone.
      if (Array.isArray(result)) {
        return applied(items, result, (item, answer) => afterPoll(item, answer, rules, Date.now()));
      }
      const newest = withPlan(rules, result.plan);
      const answered = applied(items, result.answers, (item, answer) =>
        afterPoll(item, answer, newest, Date.now()),
      );
      return { ...answered, plan: result.plan };
    }
    case 'recheck': {
      const requests = items.map(({ index, entry }) => ({ index, entry }));
      const answers = await store.recheck.executeWithOptions({ summary }, [requests]);
      return applied(items, answers, (item, answer) =>
        afterSubmit(item, answer, rules, Date.now()),
      );
    }
    case 'lookUp': {
      // A minute, and then a rest (without-answer.ts): an operator's word waits for whoever has the registration.
      const scheduleToCloseTimeout = 60_000;
      const settleTime = rules.lookUpAfter ?? 0;
      const requests = items.map(({ index, id, entry }) => ({ index, id, entry, settleTime }));
      const answers = await legacy.lookUp.executeWithOptions({ summary, scheduleToCloseTimeout }, [
        requests,
      ]);
      return applied(items, answers, (item, answer) =>
        afterLookUp(item, answer, rules, Date.now()),
      );
    }
    case 'persist': {
      const settlements = items.map(settlement);
      const answers = await localFirst(
        tried,
        () => local.persist(settlements),
        () => store.persist.executeWithOptions({ summary }, [settlements]),
      );
      return applied(items, answers, (item, answer) =>
        afterSettle(item, answer, rules, Date.now()),
      );
    }
    case 'route': {
      const settlements = items.map(settlement);
      const answers = await store.route.executeWithOptions({ summary }, [settlements]);
      return applied(items, answers, (item, answer) =>
        afterSettle(item, answer, rules, Date.now()),
      );
    }
  }
}

const claimRequest = ({
  index,
  id,
  bodyHash,
  message,
  receivedAt,
  redrive,
  token,
  takes,
}: Item) => ({
  index,
  id,
  bodyHash,
  message: message ?? { body: '', properties: '' },
  receivedAt,
  redrive,
  ...(token === undefined ? {} : { token }),
  ...(takes === undefined ? {} : { takes }),
});

const settlement = (item: Item) => ({
  index: item.index,
  id: item.id,
  claim: item.claim,
  entry: item.entry,
  requestId: item.requestId,
  acceptedAt: item.acceptedAt,
  polls: item.polls,
  doubt: item.doubt,
  outcome: item.outcome ?? {
    kind: 'failed' as const,
    at: Date.now(),
    reason: OUR_REASON.internal,
    ours: true as const,
  },
});

/** What is left of a limit for the oldest of the items, ms; a minute at least, so that each gets a fair attempt. */
const leftOf = (limit: number, items: Item[], since: (item: Item) => number): number =>
  Math.max(Math.min(...items.map(since)) + limit - Date.now(), 60_000);

function applied<A extends { index: number; kind: string }>(
  items: Item[],
  answers: (A | Taken)[],
  after: (item: Item, answer: A) => Item | null,
): Answered {
  const answered: Answered = { items: new Map(), left: [], unanswered: new Set() };
  const byIndex = new Map(answers.map((answer) => [answer.index, answer]));
  for (const item of items) {
    const answer = byIndex.get(item.index);
    const next =
      answer === undefined
        ? { ...item, busy: false }
        : isTaken(answer)
          ? null
          : after(item, answer);
    answered.items.set(item.index, next);
    if (answer === undefined) answered.unanswered.add(item.index);
    if (next === null) answered.left.push(howItLeft(item, answer?.kind));
  }
  return answered;
}

const isTaken = (answer: { kind: string }): answer is Taken => answer.kind === 'taken';

const howItLeft = (item: Item, answer: string | undefined): HowItLeft =>
  answer === 'duplicate' || answer === 'unroutable' || answer === 'taken'
    ? answer
    : (item.outcome?.kind ?? 'failed');
