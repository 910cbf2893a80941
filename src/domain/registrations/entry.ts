/** Decides what an entry of the journal means. Pure; times are epoch ms. */
import { nextEntry } from '../names.ts';
import { HEARTBEAT_TIMEOUT_MS } from '../timing.ts';

export type JournalState =
  | 'intent' // about to be sent, or sent and not yet written down
  | 'accepted'
  | 'refused'
  | 'not-accepted' // known not to be filed: the same entry may be tried again, under the same Idempotency-Key
  | 'unknown'
  | 'superseded' // has given way to the next entry: it is never sent (again)
  | 'abandoned';

export interface Submission {
  _id: string;
  state: JournalState;
  /** When the intent was last written. */
  at: Date;
  answeredAt: Date | null;
  requestId: string | null;
  reason: string | null;
  needsPerson?: true;
}

export type Reading =
  | { kind: 'not sent'; reason: string }
  | { kind: 'on the wire'; since: number; until: number } // or may be
  | { kind: 'accepted'; requestId: string; at: number }
  | { kind: 'refused'; reason: string }
  | { kind: 'in doubt'; reason: string; needsPerson?: true }
  | { kind: 'gave way'; to: string } // the claim goes on with that entry
  | { kind: 'abandoned'; reason: string };

/** Until when a submission may have been on the wire. */
export const sentUntil = (
  { at, answeredAt }: Pick<Submission, 'at' | 'answeredAt'>,
  legacyTimeoutMs: number,
): number => answeredAt?.getTime() ?? at.getTime() + HEARTBEAT_TIMEOUT_MS + legacyTimeoutMs;

/** @param legacyTimeoutMs the longest a request to the legacy system can take */
export function readEntry(
  entry: Submission | undefined,
  now: number,
  legacyTimeoutMs: number,
): Reading {
  if (entry === undefined) return { kind: 'not sent', reason: 'never sent' };
  const { state, at, answeredAt, requestId, needsPerson } = entry;
  const reason = entry.reason ?? state;
  switch (state) {
    case 'accepted':
      if (requestId === null)
        return { kind: 'in doubt', reason: 'it was accepted, and its request id is gone' };
      return { kind: 'accepted', requestId, at: (answeredAt ?? at).getTime() };
    case 'refused':
    case 'abandoned':
      return { kind: state, reason };
    case 'not-accepted':
      return { kind: 'not sent', reason };
    case 'unknown':
      return {
        kind: 'in doubt',
        reason: entry.reason ?? 'the answer was lost',
        ...(needsPerson === true ? { needsPerson } : {}),
      };
    case 'superseded':
      return { kind: 'gave way', to: nextEntry(entry._id) };
    case 'intent': {
      const until = sentUntil(entry, legacyTimeoutMs);
      return now < until
        ? { kind: 'on the wire', since: at.getTime(), until }
        : { kind: 'in doubt', reason: 'the worker stopped while it was being submitted' };
    }
  }
}
