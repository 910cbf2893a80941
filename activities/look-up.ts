/**
 * Asks the legacy system itself what became of a registration in doubt, by natural key. The journal is read first and
 * outweighs it; an attempt that could read nothing throws, and Temporal's retry policy is the backoff.
 */
import type { ApplicationFailure } from '@temporalio/common';
import type { LookUpAnswer } from '../src/domain/answers.ts';
import { LOOK_UP } from '../src/domain/names.ts';
import type { Held } from '../src/door.ts';
import { sentUntil } from '../src/journal.ts';
import type { Entry } from '../src/journal.ts';
import { askEach } from './ask-each.ts';
import type { Dependencies } from './create.ts';
import { placeOf, withHeartbeat } from './heartbeat.ts';
import { answerOf } from './recheck.ts';
import type { RecheckNeeds } from './recheck.ts';
import { doubtShared } from './shared-request-id.ts';
import { tryLater } from './try-later.ts';

export interface LookUpRequest {
  index: number;
  /** The registration id: the natural key. */
  id: string;
  entry: string;
  /** How long after the answer was lost "absent" means that it will not arrive any more, ms. */
  settleTime: number;
}

type Needs = RecheckNeeds & Pick<Dependencies, 'legacy' | 'door' | 'underWay' | 'metrics'>;

export function createLookUp(needs: Needs) {
  const { journal, clock, legacy, metrics, log, legacyTimeoutMs, underWay } = needs;
  const calls = underWay.calls<LookUpAnswer>();
  return (requests: LookUpRequest[]): Promise<LookUpAnswer[]> =>
    withHeartbeat(async (liveness) => {
      const entries = await journal.read(requests.map(({ entry }) => entry));
      const known = await Promise.all(
        requests.map(({ index, entry }) => answerOf(needs, index, entries.get(entry))),
      );
      const isToBeAsked = (answer: LookUpAnswer): boolean =>
        answer.kind === 'unknown' && answer.held !== true;
      const unknown = new Set(known.filter(isToBeAsked).map(({ index }) => index));
      const told: LookUpAnswer[] = known.filter(({ index }) => !unknown.has(index));
      const asked = await askEach<LookUpRequest, LookUpAnswer>(needs, {
        kind: 'gets',
        requests: requests.filter(({ index }) => unknown.has(index)),
        subjectOf: ({ entry }) => entry,
        calls,
        begin: (chunk) => chunk.map((request) => ({ answer: ask(request) })),
        liveness,
        hasAnswers: told.length > 0,
      });
      const { open, waiting, turnedAway, failed, failures, held } = asked;
      const notAsked = (why: Held) => turnedAway.map(({ index }) => unreadable(index, why));
      const answers: LookUpAnswer[] = [
        ...told,
        ...asked.answers,
        ...(held === null ? [] : notAsked(held)),
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

  async function ask({ index, id, entry, settleTime }: LookUpRequest): Promise<LookUpAnswer> {
    const asked = clock.now();
    const looked = await legacy.lookUp(id);
    metrics.lookUps.inc({ result: looked.kind });
    if (looked.kind === 'unreadable') return { index, ...looked };
    if (looked.kind === 'absent') {
      const before = (await journal.read([entry])).get(entry);
      const until = (before === undefined ? 0 : sentUntil(before, legacyTimeoutMs)) + settleTime;
      if (asked < until) return { index, kind: 'absent', until };
    }
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
  looked: Exclude<Awaited<ReturnType<Dependencies['legacy']['lookUp']>>, { kind: 'unreadable' }>,
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
