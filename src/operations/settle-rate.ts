import type { Clock } from '../mongo/clock.ts';
import type { Claims } from '../claims/claims.ts';

const WINDOW_MS = 60_000;
/** A second's worth of settlements is no rate yet. */
const LEAST_MS = 5_000;

/** Registrations settled a second, over the last minute or since the first of them. */
export async function settleRate({
  claims: { collection },
  clock,
}: {
  claims: Pick<Claims, 'collection'>;
  clock: Pick<Clock, 'now'>;
}): Promise<number> {
  const now = clock.now();
  const recent = { settledAt: { $gte: new Date(now - WINDOW_MS) } };
  const [count, first] = await Promise.all([
    collection.countDocuments(recent),
    collection.findOne(recent, { sort: { settledAt: 1 }, projection: { settledAt: 1 } }),
  ]);
  const since = first?.settledAt?.getTime() ?? now;
  return (count * 1000) / Math.max(now - since, LEAST_MS);
}
