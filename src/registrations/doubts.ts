/** Registrations in doubt: what was, or may have been, sent and never answered. From the journal, which is exact. */
import type { Clock } from '../mongo/clock.ts';
import type { Claim, Claims } from '../claims/claims.ts';
import { mayBeFiled } from '../domain/registrations/outcome.ts';
import { claimKey, claimOfEntry, entryKey, nextEntry, readClaimKey } from '../domain/names.ts';
import { sentUntil } from './journal.ts';
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
    const entries = await currentEntries(store, claims);
    for (const claim of claims) {
      const entry = entries.get(claim._id);
      const reason =
        entry === undefined ? null : doubtOf(entry, store.clock.now(), legacyTimeoutMs);
      if (entry === undefined || reason === null) continue;
      doubts.push({ claim, entry, since: entry.answeredAt ?? entry.at, reason });
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

/** Why an entry is in doubt, or null when it is not. */
function doubtOf(entry: Entry, now: number, legacyTimeoutMs: number): string | null {
  if (entry.state === 'unknown') return entry.reason ?? 'the answer was lost';
  const isDead = entry.state === 'intent' && now > sentUntil(entry, legacyTimeoutMs);
  return isDead ? 'the worker stopped while it was being submitted' : null;
}

/**
 * The latest journal entry of each claim, by claim. A redrive of what is with the legacy system, or may be, goes on with the
 * entry of the generation before (activities/registrations/claim.ts); an entry gives way to the next only when that exists.
 */
export async function currentEntries(
  {
    claims,
    journal,
  }: { claims: Pick<Claims, 'collection' | 'sound'>; journal: Pick<Journal, 'read'> },
  of: readonly OpenClaim[],
): Promise<Map<string, Entry>> {
  const redriven = of.filter(({ generation }) => generation > 0);
  const before = await claims.collection
    .find({
      _id: { $in: redriven.map((each) => claimKey(each.registration, each.generation - 1)) },
    })
    .project<OpenClaim>({ message: 0 })
    .toArray();
  const carried = new Map(
    claims
      .sound(before)
      .flatMap(({ registration, generation, outcome }): [string, string][] =>
        outcome !== null && mayBeFiled(outcome)
          ? [[claimKey(registration, generation + 1), outcome.entry]]
          : [],
      ),
  );
  return latestEntries(
    journal,
    new Map(of.map(({ _id }) => [carried.get(_id) ?? entryKey(_id, 1), _id])),
  );
}

/** The last journal entry of each claim, by claim; none where there is not even the first. `first`: claims by their first entry. */
export async function latestEntries(
  journal: Pick<Journal, 'read'>,
  first: ReadonlyMap<string, string>,
): Promise<Map<string, Entry>> {
  const latest = new Map<string, Entry>();
  let wanted = first;
  while (wanted.size > 0) {
    const found = await journal.read([...wanted.keys()]);
    const next = new Map<string, string>();
    for (const [name, entry] of found) {
      const claim = wanted.get(name);
      if (claim === undefined) continue;
      latest.set(claim, entry);
      if (entry.state === 'superseded' || entry.state === 'unknown')
        next.set(nextEntry(name), claim);
    }
    wanted = next;
  }
  return latest;
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
