/** Open claims, each with what the journal says of the entry it has got to. */
import type { Claim, Claims } from '../claims/claims.ts';
import { readEntry } from '../domain/registrations/entry.ts';
import type { Clock } from '../mongo/clock.ts';
import { chunks } from '../runtime/chunks.ts';
import type { Journal } from './journal.ts';

export type OpenClaim = Omit<Claim, 'message'>;

/** Neither settled nor concluded. By the index of settledAt nothing is read that is settled. */
export const OPEN = { settledAt: null, outcome: null, conflict: false } as const;

export interface OpenClaims {
  claims: Pick<Claims, 'collection' | 'sound'>;
  journal: Pick<Journal, 'read'>;
  clock: Pick<Clock, 'now'>;
}

/** In no order. @param legacyTimeoutMs how long an intent may be on the wire */
export async function* readOpenClaims(
  { claims, journal, clock }: OpenClaims,
  legacyTimeoutMs: number,
) {
  const open = claims.collection.find(OPEN).project<OpenClaim>({ message: 0 });
  for await (const found of chunks(open)) {
    const sound = claims.sound(found);
    const entries = await journal.read(sound.map(({ entry }) => entry));
    yield sound.map((claim) => {
      const entry = entries.get(claim.entry);
      return { claim, entry, reading: readEntry(entry, clock.now(), legacyTimeoutMs) };
    });
  }
}
