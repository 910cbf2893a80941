/**
 * How many registrations are with the legacy system, while legacy.maxInFlight is set
 * (docs/decisions/0013-limits-across-workers.md). A claim is marked before its POST and until it has an outcome; the marks are
 * counted at most once a second. In between each worker adds what it has let through, and takes only its part of what is left.
 */
import { randomUUID } from 'node:crypto';
import type { Filter } from 'mongodb';
import type { Claim, Claims } from '../claims/claims.ts';
import type { SetAside } from '../claims/set-aside.ts';
import { OPEN, readOpenClaims, type OpenClaims } from './open-claims.ts';

/** How long a count holds, and the longest from an answer to its mark, unless MongoDB is in trouble. */
const COUNTED_MS = 1_000;
/** How often marks are compared with the journal: a worker that dies loses them, and an operator's word makes none. */
const COMPARED_MS = 60_000;

/** The mark of a claim whose registration the legacy system has accepted. Any other names the worker that is sending it. */
export const ACCEPTED = 'accepted';

export type InFlight = ReturnType<typeof openInFlight>;

export interface InFlightStore extends OpenClaims {
  claims: Pick<Claims, 'collection' | 'sound' | 'setAtLegacy'>;
  setAside: Pick<SetAside, 'reasons'>;
}

/** Is the bound of the gate. `workers`: how many are alive. `now`: ms by a clock that nobody sets. */
export function openInFlight({
  store,
  limit,
  legacyTimeoutMs,
  workers,
  now = () => performance.now(),
}: {
  store: InFlightStore;
  limit: () => number | null;
  legacyTimeoutMs: number;
  workers: () => number;
  now?: () => number;
}) {
  const { claims } = store;
  const me = randomUUID();
  /** The marks of others: this worker knows better what it has on the wire itself. */
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
    async take(wanted: number): Promise<number> {
      if (now() - counted.at > COUNTED_MS) await count();
      answered = answered.filter(({ at }) => at + COUNTED_MS > counted.at);
      const uncounted = answered.reduce((sum, each) => sum + each.count, onTheWire);
      const part = Math.ceil(((limit() ?? Infinity) - counted.count) / Math.max(1, workers()));
      const granted = Math.max(0, Math.min(wanted, part - uncounted));
      onTheWire += granted;
      return granted;
    },
    release(released: number): void {
      // Of what was let through without a limit nothing is known here.
      const known = Math.min(released, onTheWire);
      if (known === 0) return;
      onTheWire -= known;
      answered.push({ count: known, at: now() });
    },
    /** Marks claims that this worker is about to POST. @throws what MongoDB throws: then nothing may be sent */
    async noteSent(keys: string[]): Promise<void> {
      if (limit() === null) comparedAt = -Infinity;
      else await claims.setAtLegacy(keys, me);
    },
    /** What was not accepted makes room. @throws what MongoDB throws */
    async noteAnswered(all: { claim: string; isAccepted: boolean }[]): Promise<void> {
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
    const unmarked = keys(({ at, mark }) => at === 'accepted' && mark !== ACCEPTED);
    await setAtLegacy(unmarked, ACCEPTED);
    // Its sender marked nothing, since there was no limit yet.
    const sentBefore = keys(({ at, mark }) => at === 'on the wire' && mark === undefined);
    await setAtLegacy(sentBefore, 'a worker');
    const ended = keys(({ at, mark }) => at === null && mark !== undefined);
    await setAtLegacy(ended, null);
  }
}

/** Accepted or just being submitted, and neither concluded, in doubt nor set aside. By the journal, which is exact. */
export async function countInFlight(store: InFlightStore, legacyTimeoutMs: number) {
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
    const setAside = await store.setAside.reasons(standings.map(({ claim }) => claim._id));
    yield standings.map(({ claim: { _id, atLegacy }, reading: { kind } }) => {
      const isThere = (kind === 'accepted' || kind === 'on the wire') && !setAside.has(_id);
      return { claim: _id, at: isThere ? kind : null, mark: atLegacy };
    });
  }
}
