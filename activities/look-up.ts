/**
 * Asks the legacy system itself what became of a registration in doubt, by natural key. The journal is read first and
 * outweighs it; an attempt that could read nothing throws, and Temporal's retry policy is the backoff.
 */
import type { ApplicationFailure } from '@temporalio/common';
import type { LookUpAnswer } from '../src/domain/answers.ts';
import { LOOK_UP } from '../src/domain/names.ts';
import { sentUntil } from '../src/journal.ts';
import type { Entry } from '../src/journal.ts';
import type { LookUpResult } from '../src/legacy.ts';
import { whyNotAbsent } from './absence.ts';
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

interface LookedUp extends LookUpRequest {
  /** When it was asked for. */
  asked: number;
  looked: LookUpResult;
}

type Needs = RecheckNeeds & Pick<Dependencies, 'legacy' | 'door' | 'metrics'>;

export function createLookUp(needs: Needs) {
  const { journal, clock, legacy, door, metrics, log, legacyTimeoutMs } = needs;
  return (requests: LookUpRequest[]): Promise<LookUpAnswer[]> =>
    withHeartbeat(async (liveness) => {
      const entries = await journal.read(requests.map(({ entry }) => entry));
      const answers: LookUpAnswer[] = [];
      let waiting: LookUpRequest[] = [];
      for (const request of requests) {
        const known = await answerOf(needs, request.index, entries.get(request.entry));
        if (known.kind === 'unknown' && known.needsPerson !== true) waiting.push(request);
        else answers.push(known);
      }
      const turn = door.turn();
      while (waiting.length > 0 && liveness.maySend()) {
        const { count, held } = await door.take('gets', waiting.length, turn);
        if (held !== null) {
          answers.push(
            ...waiting.map(({ index }) => ({ index, kind: 'unreadable', ...held }) as const),
          );
          break;
        }
        const chunk = waiting.slice(0, count);
        waiting = waiting.slice(count);
        const looked = await Promise.all(chunk.map(look)).finally(() => door.release(count));
        answers.push(...(await concluded(looked, turn)));
      }
      if (answers.every(({ kind }) => kind === 'unreadable')) {
        await liveness.throwIfCancelled();
        throw nothingReadable(answers);
      }
      return doubtShared(needs, requests, answers, liveness);
    });

  async function look(request: LookUpRequest): Promise<LookedUp> {
    const asked = clock.now();
    const looked = await legacy.lookUp(request.id);
    metrics.lookUps.inc({ result: looked.kind });
    return { ...request, asked, looked };
  }

  async function concluded(all: LookedUp[], turn: number): Promise<LookUpAnswer[]> {
    const entries = await journal.read(all.map(({ entry }) => entry));
    const early = new Map<number, number>();
    const absent = all.flatMap(({ index, id, entry, settleTime, asked, looked }) => {
      if (looked.kind !== 'absent') return [];
      const before = entries.get(entry);
      const until = (before === undefined ? 0 : sentUntil(before, legacyTimeoutMs)) + settleTime;
      if (asked < until) early.set(index, until);
      return asked < until ? [] : [{ index, id, byBareStatus: looked.byBareStatus }];
    });
    const longAgo = clock.now() - Math.max(0, ...all.map(({ settleTime }) => settleTime));
    const doubtful = await whyNotAbsent(needs, absent, new Date(longAgo), turn);
    return Promise.all(
      all.map(async (each): Promise<LookUpAnswer> => {
        const { index, looked } = each;
        const until = early.get(index);
        if (until !== undefined) return { index, kind: 'absent', until };
        const reason = doubtful.get(index);
        if (reason !== undefined) return { index, kind: 'unreadable', reason, retryAfter: null };
        return looked.kind === 'unreadable' ? { index, ...looked } : decide(each, looked);
      }),
    );
  }

  async function decide(
    { index, entry }: LookedUp,
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
