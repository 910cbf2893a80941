/** Asks the legacy system for a registration in doubt, by natural key. The journal is read first and outweighs it. */
import type { LookUpAnswer } from '../../src/domain/registrations/answers.ts';
import { LOOK_UP } from '../../src/domain/names.ts';
import { sentUntil } from '../../src/domain/registrations/entry.ts';
import type { Doubtful } from '../../src/domain/registrations/item.ts';
import type { Entry } from '../../src/registrations/journal.ts';
import type { LookUpReading } from '../../src/domain/registrations/contract.ts';
import { asWritten, whyNotAbsent } from './absence.ts';
import { answerEach, askEach } from '../ask-each.ts';
import { placeOf, withHeartbeat, type Liveness } from '../heartbeat.ts';
import { answerOf, readAnswers } from './recheck.ts';
import { doubtShared } from './shared-request-id.ts';
import { tryLater } from '../try-later.ts';
import type { Dependencies } from './dependencies.ts';

/** The natural key is the registration id. */
export interface LookUpRequest extends Pick<Doubtful, 'index' | 'id' | 'entry'> {
  /** For so long after the lost answer it may still arrive, ms. */
  settleTime: number;
}

interface LookedUp {
  request: LookUpRequest;
  /** Epoch ms. */
  asked: number;
  looked: LookUpReading;
}

export function createLookUp(needs: Dependencies) {
  const { claims, journal, clock, legacy, metrics, log, legacyTimeoutMs, underWay } = needs;
  const calls = underWay.calls<LookedUp>();
  return (requests: LookUpRequest[]): Promise<LookUpAnswer[]> =>
    withHeartbeat(async (liveness) => {
      const known = await readAnswers(needs, requests);
      const isToBeAsked = (answer: LookUpAnswer): boolean =>
        answer.kind === 'unknown' && answer.needsPerson !== true;
      const unknown = new Set(known.filter(isToBeAsked).map(({ index }) => index));
      const told: LookUpAnswer[] = known.filter(({ index }) => !unknown.has(index));
      const asked = await askEach<LookUpRequest, LookedUp>(needs, {
        lane: 'gets',
        requests: await asWritten(
          claims,
          requests.filter(({ index }) => unknown.has(index)),
        ),
        subjectOf: ({ entry }) => entry,
        calls,
        begin: (chunk) => chunk.map((request) => ({ answer: look(request) })),
        liveness,
        hasAnswers: told.length > 0,
      });
      const { open, waiting, turnedAway, failed, failures, wait } = asked;
      const answers: LookUpAnswer[] = [
        ...told,
        ...(await concluded(asked.answers, liveness, told.length > 0)),
        ...(wait === null ? [] : answerEach(turnedAway, { kind: 'unreadable', ...wait })),
        ...answerEach(open, { kind: 'on the wire' }),
        ...answerEach(waiting, { kind: 'waiting' }),
      ];
      if (answers.every(({ kind }) => kind === 'unreadable')) {
        if (failures.length > 0) throw failures[0];
        await liveness.throwIfCancelled();
        const unreadable = answers.filter((answer) => answer.kind === 'unreadable');
        throw tryLater('LookUpUnreadable', 'Nothing could be looked up', unreadable);
      }
      answers.push(...answerEach(failed, UNWRITTEN));
      return doubtShared(needs, requests, answers, liveness);
    });

  async function look(request: LookUpRequest): Promise<LookedUp> {
    const asked = clock.now();
    const looked = await legacy.lookUp(request.id);
    metrics.lookUps.inc({ result: looked.kind });
    return { request, asked, looked };
  }

  /** "Absent" is tried before it is believed. Other answers do not wait for that: then the absent ones are looked up again. */
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
    const waiting = absent.map(({ request }) => request);
    return hasAnswers || answers.length > 0
      ? [...answers, ...answerEach(waiting, { kind: 'waiting' })]
      : tried(absent, liveness);
  }

  async function tried(absent: LookedUp[], liveness: Liveness): Promise<LookUpAnswer[]> {
    const longAgo = clock.now() - Math.max(0, ...absent.map(({ request }) => request.settleTime));
    const doubtful = await whyNotAbsent(
      needs,
      absent.flatMap(({ request: { index, id }, looked }) =>
        looked.kind === 'absent' ? [{ index, id, bareStatus: looked.bareStatus }] : [],
      ),
      new Date(longAgo),
      () => liveness.maySend(),
    );
    return Promise.all(
      absent.map(async ({ request, looked }): Promise<LookUpAnswer> => {
        const { index } = request;
        const reason = doubtful.get(index);
        if (reason !== undefined) return { index, kind: 'unreadable', reason, retryAfter: null };
        return looked.kind === 'unreadable' ? { index, ...looked } : decide(request, looked);
      }),
    );
  }

  async function decide(
    { index, entry }: LookUpRequest,
    looked: Exclude<LookUpReading, { kind: 'unreadable' }>,
  ): Promise<LookUpAnswer> {
    // From "unknown" only: a late answer, or an operator's word, that is there first is answered instead.
    const now = await journal.decide(entry, ['unknown'], wordOf(looked, new Date(clock.now())));
    const facts = { ...placeOf(index), result: looked.kind, state: now?.state };
    log.info(facts, 'A doubt was looked up');
    if (looked.kind === 'ambiguous' && now?.state === 'unknown') return { index, ...looked };
    return answerOf(needs, index, now);
  }
}

const UNWRITTEN = {
  kind: 'unreadable',
  reason: 'what was found could not be written down',
  retryAfter: null,
} as const;

function wordOf(
  looked: Exclude<LookUpReading, { kind: 'unreadable' }>,
  answeredAt: Date,
): Partial<Entry> {
  const word = { operator: LOOK_UP, answeredAt };
  switch (looked.kind) {
    case 'found': {
      const { requestId } = looked;
      return { ...word, state: 'accepted', requestId, reason: 'found by its look-up' };
    }
    case 'absent':
      return { ...word, state: 'superseded', reason: 'not found by its look-up' };
    case 'ambiguous':
      return { reason: looked.reason };
  }
}
