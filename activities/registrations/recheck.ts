/** Reads the journal again, and writes an operator's word into it. What the journal knows comes first. */
import type { SubmitAnswer } from '../../src/domain/registrations/answers.ts';
import { failpoint } from '../../src/runtime/failpoint.ts';
import { readEntry } from '../../src/domain/registrations/entry.ts';
import type { Doubtful } from '../../src/domain/registrations/item.ts';
import type { Entry } from '../../src/registrations/journal.ts';
import { placeOf, withHeartbeat } from '../heartbeat.ts';
import { doubtShared } from './shared-request-id.ts';
import type { Dependencies } from './dependencies.ts';

type RecheckRequest = Pick<Doubtful, 'index' | 'entry'>;

interface ResolveRequest extends RecheckRequest {
  action: 'confirm' | 'resubmit' | 'abandon';
  operator: string;
  reason: string;
  requestId: string | null;
}

type Needs = Pick<Dependencies, 'journal' | 'clock' | 'legacyTimeoutMs'>;

export async function readAnswers(needs: Needs, requests: readonly RecheckRequest[]) {
  const entries = await needs.journal.read(requests.map(({ entry }) => entry));
  return Promise.all(
    requests.map(({ index, entry }) => answerOf(needs, index, entries.get(entry))),
  );
}

/** Answers by the journal, and writes down a doubt when it finds one. */
export async function answerOf(
  needs: Needs,
  index: number,
  entry: Entry | null | undefined,
): Promise<SubmitAnswer> {
  const now = needs.clock.now();
  const reading = readEntry(entry ?? undefined, now, needs.legacyTimeoutMs);
  switch (reading.kind) {
    case 'accepted':
    case 'refused':
    case 'abandoned':
      return { index, ...reading };
    case 'not sent':
      return { index, kind: 'not-accepted', reason: reading.reason, retryAfter: null };
    case 'gave way':
      return { index, kind: 'resubmit' };
    case 'on the wire': {
      const { since, until } = reading;
      return { index, kind: 'pending', rest: Math.min(until - now, restOf(now - since)) };
    }
    case 'in doubt': {
      const doubt = { ...reading, index, kind: 'unknown' } as const;
      if (!entry || entry.state === 'unknown') return doubt;
      const word = { state: 'unknown', reason: reading.reason } as const;
      const decided = await needs.journal.decide(entry._id, [entry.state], word);
      failpoint('doubt-decided');
      const isAsRead = !decided || decided.state === entry.state;
      return isAsRead ? doubt : answerOf(needs, index, decided);
    }
  }
}

/** The rest before an intent of another process is read again, ms: longer for an older one. */
const restOf = (age: number): number => Math.min(Math.max(age / 4, 1_000), 5_000);

export function createRecheck(needs: Dependencies) {
  const { journal, clock, log } = needs;
  return {
    recheck: (requests: RecheckRequest[]): Promise<SubmitAnswer[]> =>
      withHeartbeat(async (liveness) =>
        doubtShared(needs, requests, await readAnswers(needs, requests), liveness),
      ),

    resolve: ({ index, entry, action, operator, reason, requestId }: ResolveRequest) =>
      withHeartbeat(async (): Promise<SubmitAnswer> => {
        // It may be on the wire: sent again now, it could be filed twice.
        const known = await answerOf(needs, index, (await journal.read([entry])).get(entry));
        if (known.kind === 'pending') return known;
        const word = { operator, reason, answeredAt: new Date(clock.now()) };
        const to = {
          confirm: { ...word, state: 'accepted', requestId },
          resubmit: { ...word, state: 'superseded' },
          abandon: { ...word, state: 'abandoned' },
        } as const;
        const now = await journal.decide(entry, ['unknown'], to[action]);
        const facts = { ...placeOf(index), action, operator, state: now?.state };
        log.info(facts, 'A doubt was resolved');
        return answerOf(needs, index, now);
      }),
  };
}
