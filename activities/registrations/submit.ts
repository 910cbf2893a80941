/**
 * Files registrations with the legacy system, each at most once. The journal is read first and an intent written before every
 * POST; what another attempt may have sent is never sent again. An attempt that got no answer at all throws.
 */
import { activityInfo } from '@temporalio/activity';
import type { ApplicationFailure } from '@temporalio/common';
import { foldedReason } from '../../src/domain/failure-group.ts';
import type { SubmitAnswer } from '../../src/domain/registrations/answers.ts';
import { readEntry } from '../../src/domain/registrations/entry.ts';
import type { Taken } from '../../src/domain/run.ts';
import { answerEach, askEach } from '../ask-each.ts';
import { ownRun, withHeartbeat } from '../heartbeat.ts';
import { answerOf } from './recheck.ts';
import { RETRIED_MS, sendChunk, type SubmitRequest } from './send-chunk.ts';
import { doubtShared } from './shared-request-id.ts';
import { tryLater } from '../try-later.ts';
import type { Dependencies } from './dependencies.ts';
import type { Wait } from '../../src/outbound/breaker.ts';

type Answer = SubmitAnswer | Taken;

export const createSubmit = (needs: Dependencies) => {
  const { journal, clock, legacyTimeoutMs, underWay } = needs;
  const calls = underWay.calls<Answer>();
  return (requests: SubmitRequest[]): Promise<Answer[]> =>
    withHeartbeat(async (liveness) => {
      const known = await journal.read(requests.map(({ entry }) => entry));
      const isToBeSent = ({ index, entry }: SubmitRequest): boolean => {
        const found = known.get(entry);
        if (readEntry(found, clock.now(), legacyTimeoutMs).kind === 'not sent') return true;
        // An intent of this process: its call is joined.
        return found?.state === 'intent' && calls.find(index, entry) !== undefined;
      };
      const told = await Promise.all(
        requests
          .filter((request) => !isToBeSent(request))
          .map(({ index, entry }) => answerOf(needs, index, known.get(entry))),
      );
      const asked = await askEach<SubmitRequest, Answer>(needs, {
        lane: 'submits',
        requests: inTurn(requests.filter(isToBeSent), activityInfo().attempt),
        subjectOf: ({ entry }) => entry,
        calls,
        begin: (chunk, giveUp) => sendChunk(needs, chunk, known, liveness, giveUp),
        liveness,
        hasAnswers: told.length > 0,
        // After an attempt that nobody answered, one request asks whether anybody is there.
        isProbing: activityInfo().attempt > 1,
        turnsAway: ({ kind }) => kind === 'not-accepted',
      });
      const answers: Answer[] = [...told, ...asked.answers];
      tellDoubts(needs, answers);
      const { open, waiting, turnedAway, failed, failures, wait } = asked;
      const goesOn = open.length + waiting.length > 0;
      if (!goesOn && answers.every(({ kind }) => kind === 'not-accepted')) {
        if (failures.length > 0) throw failures[0];
        await liveness.throwIfCancelled();
        throw nobodyAnswered(answers, wait);
      }
      const { reason = 'not sent yet', retryAfter = null } = wait ?? {};
      return [
        ...(await doubtShared(needs, requests, answers, liveness)),
        ...answerEach(open, { kind: 'pending', rest: 0 }),
        // Only the journal knows their outcomes.
        ...answerEach(failed, { kind: 'pending', rest: RETRIED_MS }),
        ...answerEach(waiting, { kind: 'waiting' }),
        ...answerEach(turnedAway, { kind: 'not-accepted', reason, retryAfter }),
      ];
    });
};

/** Attempts in which the same request goes first. */
const ASKS = 3;

/** Another request goes first after some attempts: the first one may be turned away for itself. */
function inTurn<T>(requests: readonly T[], attempt: number): T[] {
  const first = Math.floor((attempt - 1) / ASKS) % Math.max(requests.length, 1);
  return [...requests.slice(first), ...requests.slice(0, first)];
}

/** A doubt waits for a person, who is told why it is one. Reasons that differ in numbers alone are told together. */
function tellDoubts({ log }: Pick<Dependencies, 'log'>, answers: readonly Answer[]): void {
  const doubts = answers.filter((answer) => answer.kind === 'unknown');
  for (const [reason, some] of Map.groupBy(doubts, (doubt) => foldedReason(doubt.reason, [])))
    log.warn(
      { runbook: 'many-doubts', workflowId: ownRun(), registrations: some.length, reason },
      'Nobody knows whether registrations were filed: "despachante doubts list" shows them',
    );
}

function nobodyAnswered(answers: Answer[], wait: Wait | null): ApplicationFailure {
  const unanswered = answers.map((answer) => ({
    reason: 'reason' in answer ? answer.reason : answer.kind,
    retryAfter: 'retryAfter' in answer ? answer.retryAfter : null,
  }));
  if (wait !== null) unanswered.push(wait);
  return tryLater('LegacyUnavailable', 'Nothing was accepted', unanswered);
}
