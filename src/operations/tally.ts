/** How many registrations are where, as MongoDB has it. */
import { findDoubts } from '../registrations/doubts.ts';
import type { OutcomeKind } from '../domain/registrations/outcome.ts';
import type { Store } from '../registrations/store.ts';

export interface ClaimCounts {
  /** Claimed and not settled, those in doubt among them. */
  open: number;
  inDoubt: number;
  /** Each claim counts: a registration that was redriven has one for each time. */
  settled: Partial<Record<OutcomeKind, number>>;
  /** Outcomes that can never reach their destination. */
  setAside: number;
}

/** `legacyTimeoutMs`: see findDoubts. */
export async function countClaims(store: Store, legacyTimeoutMs: number): Promise<ClaimCounts> {
  const { collection } = store.claims;
  const setAside = await store.setAside.count();
  const unsettled = await collection.countDocuments({ settledAt: null });
  const counted = await collection
    .aggregate<{ _id: OutcomeKind; count: number }>([
      { $match: { settledAt: { $ne: null } } },
      { $group: { _id: '$outcome.kind', count: { $sum: 1 } } },
      { $sort: { _id: 1 } },
    ])
    .toArray();
  const settled = Object.fromEntries(counted.map(({ _id, count }) => [_id, count]));
  const doubts = await findDoubts(store, legacyTimeoutMs);
  // What was set aside keeps its claim unsettled.
  const open = Math.max(0, unsettled - setAside);
  return { open, inDoubt: doubts.length, settled, setAside };
}
