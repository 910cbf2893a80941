/** Registrations in doubt: what was, or may have been, sent and never answered. From the journal, which is exact. */
import type { Clock } from '../mongo/clock.ts';
import type { Claim, Claims } from '../claims/claims.ts';
import { readEntry } from '../domain/registrations/entry.ts';
import { claimKey, claimOfEntry, readClaimKey } from '../domain/names.ts';
import type { Entry, Journal } from './journal.ts';

export type OpenClaim = Omit<Claim, 'message'>;

export interface Doubt {
  claim: OpenClaim;
  entry: Entry;
  since: Date;
  reason: string;
}

const AT_ONCE = 1_000;

/** All doubts, oldest first. `legacyTimeoutMs`: an intent may be on the wire for as long, and is no doubt until then. */
export async function findDoubts(
  store: {
    claims: Pick<Claims, 'collection' | 'sound'>;
    journal: Pick<Journal, 'read'>;
    clock: Pick<Clock, 'now'>;
  },
  legacyTimeoutMs: number,
): Promise<Doubt[]> {
  // `settledAt` has an index, for retention: what is open is found without reading what is settled.
  const open = store.claims.collection
    .find({ settledAt: null, outcome: null, conflict: false })
    .project<OpenClaim>({ message: 0 });
  const doubts: Doubt[] = [];
  for await (const found of chunks(open)) {
    const claims = store.claims.sound(found);
    const entries = await store.journal.read(claims.map(({ entry }) => entry));
    for (const claim of claims) {
      const entry = entries.get(claim.entry);
      const reading = readEntry(entry, store.clock.now(), legacyTimeoutMs);
      if (entry === undefined || reading.kind !== 'in doubt') continue;
      doubts.push({ claim, entry, since: entry.answeredAt ?? entry.at, reason: reading.reason });
    }
  }
  return doubts.sort((a, b) => a.since.getTime() - b.since.getTime());
}

/**
 * How many are known to be in doubt, from the entries that say so: cheap, however much is open. What a dead worker had on
 * the wire counts once its next owner has read the journal.
 */
export async function countDoubts({
  claims,
  journal,
}: {
  claims: Pick<Claims, 'collection'>;
  journal: Pick<Journal, 'collection'>;
}): Promise<number> {
  const open = new Set<string>();
  const unknown = journal.collection
    .find({ state: 'unknown' })
    .project<{ _id: string }>({ _id: 1 });
  for await (const entries of chunks(unknown)) {
    // A redrive of what was in doubt goes on with the entry of the generation before.
    const keys = entries.flatMap(({ _id }) => {
      const key = claimOfEntry(_id);
      const claim = readClaimKey(key);
      return claim === null ? [key] : [key, claimKey(claim.id, claim.generation + 1)];
    });
    const found = await claims.collection
      .find({ _id: { $in: keys }, settledAt: null, outcome: null })
      .project<{ _id: string }>({ _id: 1 })
      .toArray();
    for (const { _id } of found) open.add(_id);
  }
  return open.size;
}

/** In pieces that are large enough for a query each. */
export async function* chunks<T>(all: AsyncIterable<T>): AsyncGenerator<T[]> {
  let chunk: T[] = [];
  for await (const each of all) {
    chunk.push(each);
    if (chunk.length < AT_ONCE) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}
