/**
 * Asks the legacy system itself what became of a registration in doubt, by natural key. The journal is read first and
 * outweighs it; an attempt that could read nothing throws, and Temporal's retry policy is the backoff.
 */
import type { ApplicationFailure } from '@temporalio/common';
import type { LookUpAnswer } from '../../src/domain/registrations/answers.ts';
import { LOOK_UP } from '../../src/domain/names.ts';
import { sentUntil } from '../../src/domain/registrations/entry.ts';
import type { Entry } from '../../src/registrations/journal.ts';
import type { LookUpResult } from '../../src/registrations/legacy.ts';
import { whyNotAbsent } from './absence.ts';
import { askEach } from '../ask-each.ts';
import { placeOf, withHeartbeat, type Liveness } from '../heartbeat.ts';
import { answerOf, type RecheckNeeds } from './recheck.ts';
import { doubtShared } from './shared-request-id.ts';
import { tryLater } from '../try-later.ts';
import type { Dependencies } from './dependencies.ts';
import type { Wait } from '../../src/outbound/breaker.ts';

export interface LookUpRequest {
  index: number;
  /** The registration id: the natural key. */
  id: string;
  entry: string;
  /** How long after the answer was lost "absent" means that it will not arrive any more, ms. */
  settleTime: number;
}

interface LookedUp {
  request: LookUpRequest;
  /** When it was asked for. */
  asked: number;
  looked: LookUpResult;
}

type Needs = RecheckNeeds & Pick<Dependencies, 'legacy' | 'gate' | 'underWay' | 'metrics'>;

export function createLookUp(needs: Needs) {
  const { journal, clock, legacy, metrics, log, legacyTimeoutMs, underWay } = needs;
  const calls = underWay.calls<LookedUp>();
  return (requests: LookUpRequest[]): Promise<LookUpAnswer[]> =>
    withHeartbeat(async (liveness) => {
      const entries = await journal.read(requests.map(({ entry }) => entry));
      const known = await Promise.all(
        requests.map(({ index, entry }) => answerOf(needs, index, entries.get(entry))),
      );
      const isToBeAsked = (answer: LookUpAnswer): boolean =>
        answer.kind === 'unknown' && answer.needsPerson !== true;
      const unknown = new Set(known.filter(isToBeAsked).map(({ index }) => index));
      const told: LookUpAnswer[] = known.filter(({ index }) => !unknown.has(index));
      const asked = await askEach<LookUpRequest, LookedUp>(needs, {
        lane: 'gets',
        requests: requests.filter(({ index }) => unknown.has(index)),
        subjectOf: ({ entry }) => entry,
        calls,
        begin: (chunk) => chunk.map((request) => ({ answer: look(request) })),
        liveness,
        hasAnswers: told.length > 0,
      });
      const { open, waiting, turnedAway, failed, failures, wait } = asked;
      const notAsked = (why: Wait) => turnedAway.map(({ index }) => unreadable(index, why));
      const answers: LookUpAnswer[] = [
        ...told,
        ...(await concluded(asked.answers, liveness, told.length > 0)),
        ...(wait === null ? [] : notAsked(wait)),
        ...open.map(({ index }) => ({ index, kind: 'on the wire' }) as const),
        ...waiting.map(({ index }) => ({ index, kind: 'waiting' }) as const),
      ];
      if (answers.every(({ kind }) => kind === 'unreadable')) {
        if (failures.length > 0) throw failures[0];
        await liveness.throwIfCancelled();
        throw nothingReadable(answers);
      }
      answers.push(...failed.map(({ index }) => unreadable(index, UNWRITTEN)));
      return doubtShared(needs, requests, answers, liveness);
    });

  async function look(request: LookUpRequest): Promise<LookedUp> {
    const asked = clock.now();
    const looked = await legacy.lookUp(request.id);
    metrics.lookUps.inc({ result: looked.kind });
    return { request, asked, looked };
  }

  /** "Absent" is tried before it is believed; what needs no trial does not wait for that: the rest is looked up again. */
  async function concluded(
    all: LookedUp[],
    liveness: Liveness,
    hasAnswers: boolean,
  ): Promise<LookUpAnswer[]> {
    const entries = await journal.read(all.map(({ request }) => request.entry));
    const answers: LookUpAnswer[] = [];
    const absent: LookedUp[] = [];
    for (const each of all) {
      const { request, asked, looked } = each;
      const { index, entry, settleTime } = request;
      const before = entries.get(entry);
      const until = (before === undefined ? 0 : sentUntil(before, legacyTimeoutMs)) + settleTime;
      if (looked.kind === 'unreadable') answers.push({ index, ...looked });
      else if (looked.kind !== 'absent') answers.push(await decide(request, looked));
      else if (asked < until)
        answers.push({ index, kind: 'absent', rest: Math.max(until - clock.now(), 0) });
      else absent.push(each);
    }
    // Others come back after a rest, these at once and by themselves.
    if (hasAnswers || answers.length > 0) {
      const waiting = absent.map(({ request: { index } }) => ({ index, kind: 'waiting' }) as const);
      return [...answers, ...waiting];
    }
    return [...answers, ...(await tried(absent, liveness))];
  }

  async function tried(absent: LookedUp[], liveness: Liveness): Promise<LookUpAnswer[]> {
    const longAgo = clock.now() - Math.max(0, ...absent.map(({ request }) => request.settleTime));
    const doubtful = await whyNotAbsent(
      needs,
      absent.flatMap(({ request: { index, id }, looked }) =>
        looked.kind === 'absent' ? [{ index, id, byBareStatus: looked.byBareStatus }] : [],
      ),
      new Date(longAgo),
      () => liveness.maySend(),
    );
    return Promise.all(
      absent.map(async ({ request, looked }): Promise<LookUpAnswer> => {
        const { index } = request;
        const reason = doubtful.get(index);
        if (reason !== undefined) return unreadable(index, { reason, retryAfter: null });
        return looked.kind === 'unreadable' ? { index, ...looked } : decide(request, looked);
      }),
    );
  }

  async function decide(
    { index, entry }: LookUpRequest,
    looked: Exclude<LookUpResult, { kind: 'unreadable' }>,
  ): Promise<LookUpAnswer> {
    // Built on "unknown": an answer that came late, or an operator's word, is there first and is what is answered.
    const now = await journal.decide(entry, ['unknown'], wordOf(looked, new Date(clock.now())));
    const facts = { ...placeOf(index), result: looked.kind, state: now?.state };
    log.info(facts, 'A doubt was looked up');
    if (looked.kind === 'ambiguous' && now?.state === 'unknown') return { index, ...looked };
    return answerOf(needs, index, now);
  }
}

const UNWRITTEN = { reason: 'what was found could not be written down', retryAfter: null };

const unreadable = (
  index: number,
  { reason, retryAfter }: { reason: string; retryAfter: number | null },
): LookUpAnswer => ({ index, kind: 'unreadable', reason, retryAfter });

/** What a look-up has the journal say. */
function wordOf(
  looked: Exclude<LookUpResult, { kind: 'unreadable' }>,
  answeredAt: Date,
): Partial<Entry> {
  switch (looked.kind) {
    case 'found':
      return {
        state: 'accepted',
        requestId: looked.requestId,
        reason: 'found by its look-up',
        operator: LOOK_UP,
        answeredAt,
      };
    case 'absent':
      return {
        state: 'superseded',
        reason: 'not found by its look-up',
        operator: LOOK_UP,
        answeredAt,
      };
    case 'ambiguous':
      return { reason: looked.reason };
  }
}

function nothingReadable(answers: LookUpAnswer[]): ApplicationFailure {
  const unreadable = answers.filter((answer) => answer.kind === 'unreadable');
  return tryLater('LookUpUnreadable', 'Nothing could be looked up', unreadable);
}
