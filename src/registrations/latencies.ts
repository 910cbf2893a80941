/**
 * How long the legacy system takes, in one small document for each address. Workers add what they saw by compare-and-set on
 * `version`, so that none overwrites another; intake reads it.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import type { Clock } from '../mongo/clock.ts';
import { OWN, type OwnDatabase } from '../mongo/collections.ts';
import type { Config } from '../config/schema.ts';
import { restBefore } from '../domain/backoff.ts';
import {
  BINS,
  hastened,
  learn,
  priorOf,
  type Interval,
  type Latencies,
} from '../domain/registrations/latency.ts';
import { insertNew } from '../mongo/client.ts';
import { legacyEndpoint } from '../config/endpoint.ts';

const shape = z.object({
  version: z.int().positive(),
  count: z.number(),
  at: z.date(),
  /** Bins that have a weight, see domain/registrations/latency.ts, and their weights in the same order. */
  bins: z.array(z.number()),
  weights: z.array(z.number()),
});

/** `_id`: the address that registrations are POSTed to. */
type LatencyDocument = z.infer<typeof shape> & { _id: string };

export type LatencyStore = ReturnType<typeof openLatencies>;

/** Meeting others this often in a row is no coincidence any more. */
const TRIES = 20;
const AFTER_ANOTHER = { kind: 'linear', initial: 20, jitter: 1 } as const;
/** Less weight than this is forgotten for good, which keeps the document small. */
const FORGOTTEN = 1e-4;

export function openLatencies(db: OwnDatabase, config: Config, clock: Pick<Clock, 'now'> = Date) {
  const collection = db.collection<LatencyDocument>(OWN.latency);
  const _id = legacyEndpoint(config).address;
  return {
    collection,
    /** What is known; what is expected, as long as nothing was seen. */
    async read(): Promise<Latencies> {
      return knownFrom(await collection.findOne({ _id }));
    },
    /**
     * Adds what was seen, and by when half of those that explored were done, ms, where that was early.
     * @throws Error when MongoDB cannot be asked: then nothing was added
     */
    async add(seen: readonly Interval[], halfDoneBy: number | null = null): Promise<void> {
      for (let attempt = 1; attempt <= TRIES; attempt++) {
        const document = await collection.findOne({ _id });
        const known = knownFrom(document);
        const scaled = halfDoneBy === null ? known : hastened(known, halfDoneBy);
        const next = documentOf(learn(scaled, seen, clock.now()));
        if (await replaced(document, next)) return;
        await delay(restBefore(AFTER_ANOTHER, attempt, Math.random()));
      }
      throw new Error('Too many workers write the latency at the same time');
    },
  };

  function knownFrom(document: LatencyDocument | null): Latencies {
    const read = document === null ? null : latenciesOf(document);
    return read ?? priorOf(config.legacy.expectedLatency);
  }

  /** Whether nobody else was faster. */
  async function replaced(
    document: LatencyDocument | null,
    next: Omit<LatencyDocument, '_id' | 'version'>,
  ) {
    if (document !== null) {
      // Somebody's hand may have left none.
      const version = shape.shape.version.catch(0).parse(document.version);
      const is = version === 0 ? {} : { version };
      const { matchedCount } = await collection.updateOne(
        { _id, ...is },
        { $set: { ...next, version: version + 1 } },
      );
      return matchedCount === 1;
    }
    return (await insertNew(collection, [{ _id, version: 1, ...next }])).size === 0;
  }
}

/** Null where it is not as we write it: it counts as nothing seen yet. */
function latenciesOf(document: LatencyDocument): Latencies | null {
  const read = shape.safeParse(document);
  if (!read.success) return null;
  const { count, at, bins, weights } = read.data;
  const all = Array.from({ length: BINS }, () => 0);
  for (const [n, bin] of bins.entries()) {
    if (bin >= 0 && bin < BINS) all[bin] = weights[n] ?? 0;
  }
  return { count, at: at.getTime(), weights: all };
}

function documentOf({ count, at, weights }: Latencies): Omit<LatencyDocument, '_id' | 'version'> {
  const kept = [...weights.entries()].filter(([, weight]) => weight > FORGOTTEN);
  return {
    count,
    at: new Date(at),
    bins: kept.map(([bin]) => bin),
    weights: kept.map(([, weight]) => Math.round(weight * 1e6) / 1e6),
  };
}
