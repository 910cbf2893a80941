/** How registrations fare at this moment, by what is cheap enough to be asked every other second. */
import type { Store } from '../registrations/store.ts';
import { settleRate } from './counts.ts';
import { quantile } from './measure.ts';

export interface Pulse {
  /** Claimed and not settled; neither in doubt nor set aside. */
  open: number;
  setAside: number;
  perSecond: number;
  /** ms from when they were seen done to settled, of the last minute. */
  lag: { p50: number | null; p99: number | null };
}

const WINDOW_MS = 60_000;
const SEEN = 1_000;

/** @throws what MongoDB throws */
export async function readPulse(store: Store): Promise<Pulse> {
  const { collection } = store.claims;
  const [unsettled, setAside, perSecond, lags] = await Promise.all([
    collection.countDocuments({ settledAt: null }),
    store.setAside.count(),
    settleRate(store),
    recentLags(store),
  ]);
  return {
    open: Math.max(0, unsettled - setAside),
    setAside,
    perSecond: Math.round(perSecond * 10) / 10,
    lag: { p50: quantile(lags, 0.5), p99: quantile(lags, 0.99) },
  };
}

async function recentLags({ claims, clock }: Store): Promise<number[]> {
  const found = await claims.collection
    .find({ settledAt: { $gte: new Date(clock.now() - WINDOW_MS) } })
    .sort({ settledAt: -1 })
    .limit(SEEN)
    .project<{ settledAt: Date; outcome: { at: Date } }>({ settledAt: 1, 'outcome.at': 1 })
    .toArray();
  return found
    .map(({ settledAt, outcome }) => Math.max(0, settledAt.getTime() - outcome.at.getTime()))
    .sort((a, b) => a - b);
}
