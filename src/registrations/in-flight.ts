/**
 * How many registrations the legacy system has accepted that are not settled, while there is a limit to it
 * (docs/decisions/0013-limits-across-workers.md). A claim is marked when it is accepted; the marks are counted at most once
 * a second. In between each worker adds what it has let through itself, and takes no more than its part of what is left.
 */
import type { Filter } from 'mongodb';
import type { Claim, Claims } from '../claims/claims.ts';
import type { Unroutable } from '../claims/set-aside.ts';
import type { Bound } from '../outbound/gate.ts';
import { readEntry } from '../domain/registrations/entry.ts';
import type { Reading } from '../domain/registrations/entry.ts';
import type { Clock } from '../mongo/clock.ts';
import { chunks } from './doubts.ts';
import type { OpenClaim } from './doubts.ts';
import type { Journal } from './journal.ts';

/** How long a count is believed, and the longest from the answer to a POST to its mark, unless MongoDB is in trouble. */
const COUNTED_MS = 1_000;
/** Marks are lost when a worker dies, and are not made by an operator's word: what has none is looked for so often. */
const MARKED_MS = 60_000;

export interface InFlight extends Bound {
  /** Marks claims that were accepted just now, while a limit is set. @throws what MongoDB throws */
  noteAccepted(claims: string[]): Promise<void>;
}

export interface InFlightStore {
  claims: Pick<Claims, 'collection' | 'sound' | 'setAccepted'>;
  journal: Pick<Journal, 'read'>;
  unroutable: Pick<Unroutable, 'among'>;
  clock: Pick<Clock, 'now'>;
}

export interface InFlightNeeds {
  store: InFlightStore;
  limit: () => number | null;
  /** How many are alive. */
  workers: () => number;
  /** ms by a clock that nobody sets. */
  now?: () => number;
}

export function openInFlight(needs: InFlightNeeds): InFlight {
  const { store, limit, workers, now = () => performance.now() } = needs;
  const { claims } = store;
  let counted = { count: 0, at: -Infinity };
  let markedAt = -Infinity;
  /** Let through by this worker and not answered. */
  let onTheWire = 0;
  /** Answered, and perhaps too late for the last count. */
  let answered: { count: number; at: number }[] = [];

  async function count(): Promise<void> {
    if (now() - markedAt > MARKED_MS) {
      const at = now();
      await markAccepted(store);
      markedAt = at;
    }
    const at = now();
    counted = { count: await claims.collection.countDocuments(MARKED), at };
  }

  return {
    setting: 'legacy.maxInFlight',
    isSet: () => limit() !== null,
    async take(wanted) {
      if (now() - counted.at > COUNTED_MS) await count();
      answered = answered.filter(({ at }) => at + COUNTED_MS > counted.at);
      const uncounted = answered.reduce((sum, each) => sum + each.count, onTheWire);
      const part = Math.ceil(((limit() ?? Infinity) - counted.count) / Math.max(1, workers()));
      const granted = Math.max(0, Math.min(wanted, part - uncounted));
      onTheWire += granted;
      return granted;
    },
    release(released) {
      // Of what was let through without a limit nothing is known here.
      const known = Math.min(released, onTheWire);
      if (known === 0) return;
      onTheWire -= known;
      answered.push({ count: known, at: now() });
    },
    async noteAccepted(keys) {
      if (limit() === null) markedAt = -Infinity;
      else if (keys.length > 0) await claims.setAccepted(keys, true);
    },
  };
}

const OPEN: Filter<Claim> = { settledAt: null, outcome: null, conflict: false };
/** By the index that indexClaims makes. */
const MARKED: Filter<Claim> = { ...OPEN, acceptedAt: { $exists: true } };
const UNMARKED: Filter<Claim> = { ...OPEN, acceptedAt: { $exists: false } };

async function markAccepted(store: InFlightStore): Promise<void> {
  for await (const keys of having(store, UNMARKED, ({ kind }) => kind === 'accepted', 0)) {
    if (keys.length > 0) await store.claims.setAccepted(keys, true);
  }
}

/**
 * Accepted or just being submitted, and without an outcome. What is in doubt is not among them, nor what the legacy system
 * has done and we cannot bring anywhere: it has an outcome, or is set aside. By the journal, which is exact.
 */
export async function countInFlight(
  store: InFlightStore,
  legacyTimeoutMs: number,
): Promise<number> {
  let count = 0;
  const isInFlight = (reading: Reading): boolean =>
    reading.kind === 'accepted' || reading.kind === 'on the wire';
  for await (const keys of having(store, OPEN, isInFlight, legacyTimeoutMs)) count += keys.length;
  return count;
}

/** The keys of the claims whose entry `isMeant`. */
async function* having(
  { claims, journal, unroutable, clock }: InFlightStore,
  filter: Filter<Claim>,
  isMeant: (reading: Reading) => boolean,
  legacyTimeoutMs: number,
): AsyncGenerator<string[]> {
  const open = claims.collection.find(filter).project<OpenClaim>({ message: 0 });
  for await (const found of chunks(open)) {
    const sound = claims.sound(found);
    const entries = await journal.read(sound.map(({ entry }) => entry));
    const setAside = await unroutable.among(sound.map(({ _id }) => _id));
    yield sound.flatMap(({ _id, entry }) => {
      const reading = readEntry(entries.get(entry), clock.now(), legacyTimeoutMs);
      return isMeant(reading) && !setAside.has(_id) ? [_id] : [];
    });
  }
}
