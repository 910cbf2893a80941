/** How a set of registrations fared: from their claims, and from the legacy system's ledger where there is one. */
import { fetchAccepted } from '../audit/ledgers.ts';
import type { Claim } from '../claims/claims.ts';
import type { Config } from '../config/schema.ts';
import type { Store } from '../registrations/store.ts';

const withPrefix = (prefix: string) => ({ _id: { $gte: prefix, $lt: `${prefix}\u{10ffff}` } });

export async function progressOf({ claims }: Pick<Store, 'claims'>, prefix: string) {
  const projection = { _id: 0, settledAt: 1, 'outcome.kind': 1 };
  const all = await claims.collection.find(withPrefix(prefix), { projection }).toArray();
  const settled = all.filter(({ settledAt }) => settledAt !== null);
  return { claimed: all.length, settled: settled.length, byOutcome: countOutcomes(settled) };
}

function countOutcomes(claims: readonly Pick<Claim, 'outcome'>[]): Record<string, number> {
  const byOutcome: Record<string, number> = {};
  for (const { outcome } of claims) {
    if (outcome !== null) byOutcome[outcome.kind] = (byOutcome[outcome.kind] ?? 0) + 1;
  }
  return byOutcome;
}

export type Measured = Awaited<ReturnType<typeof measure>>;

export async function measure(store: Pick<Store, 'claims'>, prefix: string, config: Config) {
  const all = await withoutMessages(store, prefix);
  const ready = await readyTimes(config);
  const settled = all.filter(({ settledAt }) => settledAt !== null);
  const lags = settled.flatMap((claim) => lagOf(claim, ready)).sort((a, b) => a - b);
  const afterPoll = settled
    .flatMap(({ outcome, settledAt }) =>
      outcome === null || settledAt === null ? [] : [settledAt.getTime() - outcome.at.getTime()],
    )
    .sort((a, b) => a - b);
  const accepted = settled.filter(({ outcome }) => (outcome?.acceptedAt ?? null) !== null);
  const polls = accepted.reduce((sum, { outcome }) => sum + (outcome?.polls ?? 0), 0);
  const ours = all.flatMap(({ item }) => ready.get(item) ?? []);
  const firstDelivery = least(all.map(({ receivedAt }) => receivedAt.getTime()));
  const ends = settled.map(({ settledAt }) => settledAt?.getTime() ?? 0).sort((a, b) => a - b);
  const lastSettled = ends.at(-1) ?? 0;
  const lastDone = greatest(ours.map(({ doneAt }) => doneAt));
  const middleMs = Math.max((quantile(ends, 0.9) ?? 0) - (quantile(ends, 0.1) ?? 0), 1);
  return {
    settled: settled.length,
    byOutcome: countOutcomes(settled),
    /** From "the legacy system is done" to settled, ms; by its ledger, else from the poll that saw it. */
    lagP50Ms: quantile(lags, 0.5),
    lagP99Ms: quantile(lags, 0.99),
    /** From the poll that saw it done, or failed, to settled, ms. */
    afterPollP50Ms: quantile(afterPoll, 0.5),
    afterPollP99Ms: quantile(afterPoll, 0.99),
    getsPerRegistration: accepted.length === 0 ? null : polls / accepted.length,
    /** From the first delivery to the last settlement, s. */
    wallSeconds: (lastSettled - firstDelivery) / 1000,
    /** Settlements a second over the middle eight tenths of them: neither the start nor the tail counts. */
    steadyPerSecond: (settled.length * 0.8 * 1000) / middleMs,
    /** The slowest registration, from accepted to done, s: nobody can be faster. */
    floorSeconds: ours.length === 0 ? null : greatest(ours.map((r) => r.doneAt - r.at)) / 1000,
    /** From the first delivery until the legacy system had the last one done, s: what submitting takes comes on top. */
    readySeconds: ours.length === 0 ? null : (lastDone - firstDelivery) / 1000,
  };
}

export const withoutMessages = ({ claims }: Pick<Store, 'claims'>, prefix: string) =>
  claims.collection.find(withPrefix(prefix), { projection: { message: 0 } }).toArray();

/** From when it was done to when it was settled, ms; none for what was not accepted or not settled. */
export function lagOf(
  { item: registration, outcome, settledAt }: Pick<Claim, 'item' | 'outcome' | 'settledAt'>,
  ready: ReadonlyMap<string, Ready>,
): number[] {
  if (outcome === null || settledAt === null || outcome.acceptedAt === null) return [];
  const since = ready.get(registration)?.doneAt ?? outcome.at.getTime();
  return [settledAt.getTime() - since];
}

/** Epoch ms: when it was accepted, and when it was done. */
interface Ready {
  at: number;
  doneAt: number;
}

/** By registration id, when the simulator had it done; empty when the legacy system keeps no such ledger. */
export async function readyTimes(config: Config): Promise<Map<string, Ready>> {
  const accepted = (await fetchAccepted(config)) ?? [];
  return new Map(
    accepted.flatMap(({ id, at, doneAt }): [string, Ready][] =>
      typeof at === 'number' && typeof doneAt === 'number' ? [[id, { at, doneAt }]] : [],
    ),
  );
}

/** Of an ascending list. */
export const quantile = (sorted: readonly number[], q: number): number | null =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? null;

// Math.min(...list) overflows the stack with a hundred thousand arguments.
const least = (list: readonly number[]): number => list.reduce((a, b) => Math.min(a, b), Infinity);
const greatest = (list: readonly number[]): number => list.reduce((a, b) => Math.max(a, b), 0);
