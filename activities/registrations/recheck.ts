/** Reading the journal again, and writing an operator's word into it. What the journal knows always comes first. */
import type { SubmitAnswer } from '../../src/domain/registrations/answers.ts';
import { failpoint } from '../../src/runtime/failpoint.ts';
import { sentUntil } from '../../src/registrations/journal.ts';
import type { Entry } from '../../src/registrations/journal.ts';
import { placeOf, withHeartbeat } from '../heartbeat.ts';
import { doubtShared } from './shared-request-id.ts';
import type { Dependencies } from './dependencies.ts';

export interface RecheckRequest {
  index: number;
  entry: string;
}

export interface ResolveRequest extends RecheckRequest {
  action: 'confirm' | 'resubmit' | 'abandon';
  operator: string;
  reason: string;
  requestId: string | null;
}

/** What reading the journal takes, also for those who ask the legacy system beside it. */
export type RecheckNeeds = Pick<
  Dependencies,
  'claims' | 'journal' | 'clock' | 'legacyTimeoutMs' | 'log' | 'uniqueRequestIds'
>;

/**
 * What an entry means. An intent may still be on the wire until the attempt that wrote it must be dead and its
 * request's deadline over; after that it is in doubt.
 */
export async function answerOf(
  { journal, clock, legacyTimeoutMs }: Pick<RecheckNeeds, 'journal' | 'clock' | 'legacyTimeoutMs'>,
  index: number,
  entry: Entry | null | undefined,
): Promise<SubmitAnswer> {
  if (!entry) return { index, kind: 'not-accepted', reason: 'never sent', retryAfter: null };
  const reason = entry.reason ?? entry.state;
  switch (entry.state) {
    case 'accepted':
      return {
        index,
        kind: 'accepted',
        requestId: entry.requestId ?? '',
        at: (entry.answeredAt ?? entry.at).getTime(),
      };
    case 'refused':
      return { index, kind: 'refused', reason };
    case 'not-accepted':
      return { index, kind: 'not-accepted', reason, retryAfter: null };
    case 'unknown':
      return {
        index,
        kind: 'unknown',
        reason,
        ...(entry.needsPerson === true ? { needsPerson: true } : {}),
      };
    case 'superseded':
      return { index, kind: 'resubmit' };
    case 'abandoned':
      return { index, kind: 'abandoned', reason };
    case 'intent': {
      const now = clock.now();
      const left = sentUntil(entry, legacyTimeoutMs) - now;
      if (left > 0) {
        const rest = Math.min(left, restOf(now - entry.at.getTime()));
        return { index, kind: 'pending', rest };
      }
      const lost = 'the worker stopped while it was being submitted';
      const decided = await journal.decide(entry._id, ['intent'], {
        state: 'unknown',
        reason: lost,
      });
      failpoint('doubt-decided');
      return decided?.state === 'intent'
        ? { index, kind: 'unknown', reason: lost }
        : answerOf({ journal, clock, legacyTimeoutMs }, index, decided);
    }
  }
}

/**
 * Before an intent of another process is read again, ms: often enough that what is answered goes on soon, and less often the
 * longer it takes.
 */
const restOf = (age: number): number => Math.min(Math.max(age / 4, 1_000), 5_000);

export function createRecheck(needs: RecheckNeeds) {
  const { journal, clock, log } = needs;
  return {
    recheck: (requests: RecheckRequest[]): Promise<SubmitAnswer[]> =>
      withHeartbeat(async (liveness) => {
        const entries = await journal.read(requests.map(({ entry }) => entry));
        const answers = await Promise.all(
          requests.map(({ index, entry }) => answerOf(needs, index, entries.get(entry))),
        );
        return doubtShared(needs, requests, answers, liveness);
      }),

    resolve: ({ index, entry, action, operator, reason, requestId }: ResolveRequest) =>
      withHeartbeat(async (): Promise<SubmitAnswer> => {
        // While it may be on the wire nobody knows what became of it: sent again now, it could be filed twice.
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
