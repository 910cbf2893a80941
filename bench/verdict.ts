/** What one contestant achieved: from MongoDB and from the ledger of the simulator, by the same rule for everybody. */
import type { Db } from 'mongodb';
import { z } from 'zod';
import { OWN } from '../src/mongo/collections.ts';
import { quantile } from '../src/operations/measure.ts';

export interface Settlement {
  id: string;
  receivedAt: number;
  settledAt: number;
}

export interface Verdict {
  settled: number;
  /** From the first delivery to the last settlement, s. */
  wallSeconds: number;
  /** The slowest registration, from accepted to done, s. */
  floorSeconds: number;
  ratioToFloor: number;
  /** From ready by the simulator's ledger to settled, ms. */
  lagP50Ms: number;
  lagP99Ms: number;
  getsPerRegistration: number;
  /** Registrations that the legacy system has accepted more than once. */
  filedTwice: number;
  /** In no place any more: not settled, not in doubt, not in the queue. */
  lost: number;
  inDoubt: number;
}

const documents = z.array(
  z.object({ _id: z.string(), receivedAt: z.date(), registeredAt: z.date() }),
);

/** What a contestant wrote. The time is that of the write's start: in its favour, by some milliseconds. */
export async function settlementsOfOthers(db: Db): Promise<Settlement[]> {
  const found = documents.parse(await db.collection('registrations').find().toArray());
  return found.map(({ _id, receivedAt, registeredAt }) => ({
    id: _id,
    receivedAt: receivedAt.getTime(),
    settledAt: registeredAt.getTime(),
  }));
}

const claims = z.array(z.object({ item: z.string(), receivedAt: z.date(), settledAt: z.date() }));

/** What we wrote: settled is when the claim says so, a write after that of the result. */
export async function settlementsOfOurs(db: Db): Promise<Settlement[]> {
  const found = claims.parse(
    await db
      .collection(OWN.claims)
      .find(
        { 'outcome.kind': 'registered', settledAt: { $ne: null } },
        { projection: { item: 1, receivedAt: 1, settledAt: 1 } },
      )
      .toArray(),
  );
  return found.map(({ item, receivedAt, settledAt }) => ({
    id: item,
    receivedAt: receivedAt.getTime(),
    settledAt: settledAt.getTime(),
  }));
}

const acceptance = z.object({
  event: z.literal('accepted'),
  id: z.string(),
  at: z.number(),
  doneAt: z.number(),
});

const statistics = z.object({ gets: z.number(), posts: z.number(), inFlight: z.number() });

/** What the simulator counts. */
export async function simulatorStats(legacyUrl: string) {
  return statistics.parse(await (await fetch(`${legacyUrl}/stats`)).json());
}

/** The acceptances in the simulator's ledger, by registration. */
async function acceptances(legacyUrl: string) {
  const text = await (await fetch(`${legacyUrl}/ledger`)).text();
  const byId = new Map<string, z.infer<typeof acceptance>[]>();
  for (const line of text.split('\n')) {
    if (!line.includes('"accepted"')) continue;
    const entry = acceptance.parse(JSON.parse(line));
    byId.set(entry.id, [...(byId.get(entry.id) ?? []), entry]);
  }
  return byId;
}

export async function judge({
  count,
  settlements,
  legacyUrl,
  waiting,
  inDoubt,
}: {
  count: number;
  settlements: Settlement[];
  legacyUrl: string;
  /** Messages that are still in the queue. */
  waiting: number;
  inDoubt: number;
}): Promise<Verdict> {
  const accepted = await acceptances(legacyUrl);
  const { gets } = await simulatorStats(legacyUrl);
  // Filed twice, it is ready when the first of them is.
  const lags = settlements
    .flatMap(({ id, settledAt }) => {
      const ready = accepted.get(id)?.map(({ doneAt }) => doneAt) ?? [];
      return ready.length === 0 ? [] : [settledAt - Math.min(...ready)];
    })
    .sort((a, b) => a - b);
  const all = [...accepted.values()].flat();
  const greatest = (list: number[]) => list.reduce((a, b) => Math.max(a, b), 0);
  // After a kill the broker delivers again: then the first acceptance is what is left of the first delivery.
  const beginnings = [
    ...settlements.map(({ receivedAt }) => receivedAt),
    ...all.map(({ at }) => at),
  ];
  const first = beginnings.reduce((a, b) => Math.min(a, b), Infinity);
  const last = greatest(settlements.map(({ settledAt }) => settledAt));
  const wallSeconds = settlements.length === 0 ? 0 : (last - first) / 1000;
  const floorSeconds = greatest(all.map(({ at, doneAt }) => doneAt - at)) / 1000;
  return {
    settled: settlements.length,
    wallSeconds,
    floorSeconds,
    ratioToFloor: wallSeconds / floorSeconds,
    lagP50Ms: quantile(lags, 0.5) ?? 0,
    lagP99Ms: quantile(lags, 0.99) ?? 0,
    getsPerRegistration: gets / count,
    filedTwice: [...accepted.values()].filter(({ length }) => length > 1).length,
    lost: Math.max(0, count - settlements.length - inDoubt - waiting),
    inDoubt,
  };
}
