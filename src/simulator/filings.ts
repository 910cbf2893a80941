// What the core knows: every registration it accepted, by request id. It accepts whatever it is given, also the same
// registration again: the real system is not idempotent either, and that is how double filing comes to light. Told to be
// idempotent, it answers a key that it has accepted with the request id of then.
import type { Final } from './decision.ts';
import { createRequestIds } from './draw.ts';
import type { Ledger, LedgerEntry } from './ledger.ts';

export interface Filing {
  id: string;
  idempotencyKey: string | null;
  /** acceptance to end, milliseconds */
  latencyMs: number;
  final: Final;
  /** why it fails; empty unless final is 'failed' */
  reason: string;
}

export type FilingState =
  { status: 'processing' | 'done' } | { status: 'failed'; reason: string } | { status: 'unknown' };

export interface Filings {
  /** Records the filing and gives it a request id. Throws when the ledger cannot be written. */
  accept(filing: Filing, now: number): string;
  /** The request ids of all that was accepted under a registration id, oldest first. */
  find(id: string): string[];
  /** Where a filing stands; the first look that sees the end goes into the ledger. */
  look(requestId: string, now: number): FilingState;
}

/** Knows at once what the ledger holds from earlier runs. */
export function createFilings(ledger: Ledger, seed: number, idempotent = false): Filings {
  const accepted = new Map<string, LedgerEntry & { event: 'accepted' }>();
  const seen = new Set<string>();
  const byId = new Map<string, string[]>();
  const byKey = new Map<string, string>();
  const nextRequestId = createRequestIds(seed);

  ledger.follow((entry) => {
    if (entry.event === 'accepted') {
      accepted.set(entry.requestId, entry);
      byId.set(entry.id, [...(byId.get(entry.id) ?? []), entry.requestId]);
      if (entry.idempotencyKey !== null) byKey.set(entry.idempotencyKey, entry.requestId);
    }
    if (entry.event === 'finished-seen') seen.add(entry.requestId);
  });

  return {
    find: (id) => byId.get(id) ?? [],
    accept(filing, now) {
      const known = idempotent ? byKey.get(filing.idempotencyKey ?? '') : undefined;
      if (known !== undefined) return known;
      let requestId = nextRequestId();
      while (accepted.has(requestId)) requestId = nextRequestId();
      const { id, idempotencyKey, final, reason } = filing;
      const doneAt = final === 'never' ? null : now + filing.latencyMs;
      const entry = {
        at: now,
        event: 'accepted',
        id,
        requestId,
        idempotencyKey,
        doneAt,
        final,
      } as const;
      ledger.append(final === 'failed' ? { ...entry, reason } : entry);
      return requestId;
    },
    look(requestId, now) {
      const entry = accepted.get(requestId);
      if (entry === undefined) return { status: 'unknown' };
      if (entry.final === 'never' || entry.doneAt === null || entry.doneAt > now) {
        return { status: 'processing' };
      }
      if (!seen.has(requestId)) {
        ledger.append({ at: now, event: 'finished-seen', requestId, status: entry.final });
      }
      if (entry.final === 'done') return { status: 'done' };
      return { status: 'failed', reason: entry.reason ?? '' };
    },
  };
}
