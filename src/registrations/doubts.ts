/** Registrations in doubt: what was, or may have been, sent and never answered. From the journal, which is exact. */
import type { Claims } from '../claims/claims.ts';
import { claimKey, claimOfEntry, readClaimKey } from '../domain/names.ts';
import { chunks } from '../runtime/chunks.ts';
import type { Metrics } from '../runtime/metrics.ts';
import { within } from '../runtime/retry.ts';
import type { Entry, Journal } from './journal.ts';
import { readOpenClaims, type OpenClaim, type OpenClaims } from './open-claims.ts';

const FRESH_MS = 15_000;
/** A scrape waits no longer for a MongoDB that is away. */
const PATIENCE_MS = 1_000;

/** Of one entry in doubt, as often as it may be redriven. */
const GENERATIONS = 20;

export interface Doubt {
  claim: OpenClaim;
  entry: Entry;
  since: Date;
  reason: string;
}

/** All doubts, oldest first. `legacyTimeoutMs`: see readOpenClaims. */
export async function findDoubts(store: OpenClaims, legacyTimeoutMs: number): Promise<Doubt[]> {
  const doubts: Doubt[] = [];
  for await (const standings of readOpenClaims(store, legacyTimeoutMs)) {
    for (const { claim, entry, reading } of standings) {
      if (entry === undefined || reading.kind !== 'in doubt') continue;
      doubts.push({ claim, entry, since: entry.answeredAt ?? entry.at, reason: reading.reason });
    }
  }
  return doubts.sort((a, b) => a.since.getTime() - b.since.getTime());
}

/**
 * By the entries that say so, oldest first: cheap. What a dead worker had on the wire counts once its next owner has read the
 * journal.
 */
export async function knownDoubts(store: KnownDoubts): Promise<Doubt[]> {
  const doubts = new Map<string, Doubt>();
  for await (const { claims, entries } of unknownOnes(store))
    for (const claim of claims) {
      const entry = entries.get(claim.entry);
      if (entry === undefined) continue;
      const { answeredAt, at, reason } = entry;
      doubts.set(claim._id, { claim, entry, since: answeredAt ?? at, reason: reason ?? '' });
    }
  return [...doubts.values()].sort((a, b) => a.since.getTime() - b.since.getTime());
}

interface KnownDoubts {
  claims: Pick<Claims, 'collection'>;
  journal: Pick<Journal, 'collection'>;
}

/** Entries that nobody knows about, with the open claims that may have got to them. */
async function* unknownOnes({ claims, journal }: KnownDoubts) {
  for await (const found of chunks(journal.collection.find({ state: 'unknown' }))) {
    const entries = new Map(found.map((entry) => [entry._id, entry]));
    // Redrives of what was in doubt go on with the entry of a generation before.
    const keys = found.flatMap(({ _id }) => {
      const claim = readClaimKey(claimOfEntry(_id));
      if (claim === null) return [claimOfEntry(_id)];
      const { id, generation } = claim;
      return Array.from({ length: GENERATIONS }, (_, n) => claimKey(id, generation + n));
    });
    const open = claims.collection
      .find({ _id: { $in: keys }, settledAt: null, outcome: null })
      .project<OpenClaim>({ message: 0 });
    yield { entries, claims: await open.toArray() };
  }
}

/** Brings the gauge up to date when it is scraped; NaN while nobody knows. Never throws. */
export function createDoubtGauge(
  gauge: Metrics['inDoubt'],
  count: () => Promise<number>,
): () => Promise<void> {
  let countedAt = -Infinity;
  let counting: Promise<void> | null = null;
  const countNow = async (): Promise<void> => {
    const found = await count();
    countedAt = performance.now();
    gauge.set(found);
  };
  return async () => {
    if (performance.now() - countedAt < FRESH_MS) return;
    counting ??= countNow().finally(() => (counting = null));
    await within(PATIENCE_MS, 'the count of doubts', counting).catch(() => gauge.set(NaN));
  };
}
