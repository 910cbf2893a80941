/**
 * How many registrations are with the legacy system, while there is a limit to it (docs/decisions/0013-limits-across-workers.md).
 * A claim is marked before it is POSTed, and until it has an outcome; the marks are counted at most once a second. In between
 * each worker adds what it has let through itself, and takes no more than its part of what is left.
 */
import { randomUUID } from 'node:crypto';
import type { Filter } from 'mongodb';
import type { Claim, Claims } from '../claims/claims.ts';
import type { SetAside } from '../claims/set-aside.ts';
import type { Bound } from '../outbound/gate.ts';
import { OPEN, readOpenClaims, type OpenClaims } from './open-claims.ts';

/** How long a count is believed, and the longest from an answer to its mark, unless MongoDB is in trouble. */
const COUNTED_MS = 1_000;
/** Marks are lost when a worker dies, and an operator's word makes none: they are compared with the journal so often. */
const COMPARED_MS = 60_000;

/** The mark of a claim whose registration the legacy system has accepted. Any other names the worker that is sending it. */
export const ACCEPTED = 'accepted';

export interface InFlight extends Bound {
  /** Marks claims that this worker is about to POST, while a limit is set. @throws what MongoDB throws: nothing may be sent then */
  noteSent(claims: string[]): Promise<void>;
  /** What became of them. What was not accepted makes room. @throws what MongoDB throws */
  noteAnswered(answered: { claim: string; isAccepted: boolean }[]): Promise<void>;
}

export interface InFlightStore extends OpenClaims {
  claims: Pick<Claims, 'collection' | 'sound' | 'setAtLegacy'>;
  setAside: Pick<SetAside, 'among'>;
}

export interface InFlightNeeds {
  store: InFlightStore;
  limit: () => number | null;
  legacyTimeoutMs: number;
  /** How many are alive. */
  workers: () => number;
  /** ms by a clock that nobody sets. */
  now?: () => number;
}

export function openInFlight(needs: InFlightNeeds): InFlight {
  const { store, limit, legacyTimeoutMs, workers, now = () => performance.now() } = needs;
  const { claims } = store;
  const me = randomUUID();
  /** Those of others: this worker knows better what it has on the wire itself. By the index that indexClaims makes. */
  const marked: Filter<Claim> = { ...OPEN, atLegacy: { $exists: true, $ne: me } };
  let counted = { count: 0, at: -Infinity };
  let comparedAt = -Infinity;
  /** Let through by this worker and not answered. */
  let onTheWire = 0;
  /** Answered, and perhaps too late for the last count. */
  let answered: { count: number; at: number }[] = [];

  async function count(): Promise<void> {
    if (now() - comparedAt > COMPARED_MS) {
      const at = now();
      await compareMarks(store, legacyTimeoutMs);
      comparedAt = at;
    }
    const at = now();
    counted = { count: await claims.collection.countDocuments(marked), at };
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
    async noteSent(keys) {
      if (limit() === null) comparedAt = -Infinity;
      else await claims.setAtLegacy(keys, me);
    },
    async noteAnswered(all) {
      if (limit() === null) return;
      const keys = (isAccepted: boolean) =>
        all.flatMap((each) => (each.isAccepted === isAccepted ? [each.claim] : []));
      await claims.setAtLegacy(keys(true), ACCEPTED);
      await claims.setAtLegacy(keys(false), null);
    },
  };
}

/** Makes the marks of open claims say what the journal says. */
async function compareMarks(store: InFlightStore, legacyTimeoutMs: number): Promise<void> {
  for await (const all of countedClaims(store, legacyTimeoutMs)) {
    const keys = (isMeant: (each: Counted) => boolean) =>
      all.filter(isMeant).map(({ claim }) => claim);
    const { setAtLegacy } = store.claims;
    await setAtLegacy(
      keys(({ at, mark }) => at === 'accepted' && mark !== ACCEPTED),
      ACCEPTED,
    );
    // Whoever sends it marked nothing, since there was no limit yet.
    await setAtLegacy(
      keys(({ at, mark }) => at === 'on the wire' && mark === undefined),
      'a worker',
    );
    await setAtLegacy(
      keys(({ at, mark }) => at === null && mark !== undefined),
      null,
    );
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
  for await (const all of countedClaims(store, legacyTimeoutMs))
    count += all.filter(({ at }) => at !== null).length;
  return count;
}

interface Counted {
  claim: string;
  /** By the journal; null where it is not with the legacy system, or is set aside. */
  at: 'accepted' | 'on the wire' | null;
  mark: string | undefined;
}

async function* countedClaims(
  store: InFlightStore,
  legacyTimeoutMs: number,
): AsyncGenerator<Counted[]> {
  for await (const standings of readOpenClaims(store, legacyTimeoutMs)) {
    const setAside = await store.setAside.among(standings.map(({ claim }) => claim._id));
    yield standings.map(({ claim: { _id, atLegacy }, reading: { kind } }) => {
      const isThere = (kind === 'accepted' || kind === 'on the wire') && !setAside.has(_id);
      return { claim: _id, at: isThere ? kind : null, mark: atLegacy };
    });
  }
}
