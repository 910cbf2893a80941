/**
 * The failure queue against what the claims say of it. What is in the queue is there, whatever they say; what is not was taken
 * by others, or is held by somebody at this moment. Written down on the claims.
 */
import type { Claim } from '../claims/claims.ts';
import type { RecordSeen } from '../claims/records.ts';
import type { Config } from '../config/schema.ts';
import type { FailureMessage, FailureQueue } from '../broker/rabbitmq/dead-letter-queue.ts';
import { unlessHeld, type WithQueue } from './held.ts';
import { withTemporal } from '../registrations/neighbours.ts';
import { concluded } from './redrive.ts';
import { redriveWord } from './redrive-notes.ts';
import { serverTime } from '../mongo/server-time.ts';
import { chunks } from '../runtime/chunks.ts';
import type { Store } from '../registrations/store.ts';
import { isOurs, shownId, shownText } from './failure-queue.ts';
import { registrationFailures } from './registration-failures.ts';
import type { Said } from './said.ts';
import { WAITING, countWaiting, storedFailures } from './stored-failures.ts';

/** Clocks that follow one another in a replica set differ by less, ms. */
const MARGIN_MS = 2_000;

/**
 * @param withQueue opens the failure queue for the work: after the clock is read, so that no record comes unseen in between
 * @throws when the queue is lost: a part proves nothing, and nothing is written down as taken
 */
export const compareFailures = (
  config: Config,
  store: Store,
  said: Said,
  withQueue: WithQueue,
): Promise<Compared> =>
  store.actions.act(
    { ...said, what: 'failures compare', on: null },
    async () => {
      const begunAt = new Date((await serverTime(store.db)) - MARGIN_MS);
      const found = await withQueue((queue) => compare(queue, begunAt, config, store));
      return settle(found, withQueue, config, store);
    },
    ({ taken, back, noted, unknown }) =>
      `${taken} taken by others, ${back} thought to be gone, ${noted} not noted, ${unknown.length} of no claim`,
  );

export type Compared = Awaited<ReturnType<typeof settle>>;

async function compare(queue: FailureQueue, begunAt: Date, config: Config, store: Store) {
  const { seen, back, ...found } = await recordsIn(queue, config, store);
  for await (const some of chunks(back)) await store.records.back(some);
  const missing: RecordSeen[] = [];
  const failures = registrationFailures(config, store);
  for await (const { _id, outcome } of storedFailures(failures, {
    ...WAITING,
    // The record of what was settled since may have come behind what was read.
    settledAt: { $lt: begunAt },
  }))
    if (!seen.has(_id)) missing.push({ claim: _id, at: outcome.at.toISOString() });
  return {
    /** Messages in the queue. */
    queue: queue.depth,
    ...found,
    /** Of those in the queue: the ones that were thought to be gone. */
    back: back.length,
    missing,
  };
}

/** Notes as taken what does not come back, unless a redrive runs: that one holds records for many minutes. */
async function settle(
  { missing, ...found }: Awaited<ReturnType<typeof compare>>,
  withQueue: WithQueue,
  config: Config,
  store: Store,
) {
  const away = new Map(missing.map((each) => [each.claim, each]));
  const look = () =>
    withQueue(async (queue) => {
      for await (const { claim } of queue.messages()) away.delete(claim);
      return { held: away.size, left: queue.depth };
    });
  const first = { held: away.size, left: found.queue };
  await unlessHeld(first, look, withQueue, config.rabbit.heldFor);
  const isHeld = away.size > 0 && (await isRedriving(config, store));
  if (!isHeld)
    for await (const some of chunks(away.values())) await store.records.left(some, 'taken');
  return {
    ...found,
    /** Failures whose record should be in the queue and is not: found out now. */
    taken: isHeld ? 0 : away.size,
    /** The same, while a redrive runs, which holds what it has read. */
    held: isHeld ? away.size : 0,
    /** Failures whose record waits, now that this is known. */
    waiting: await countWaiting(registrationFailures(config, store)),
  };
}

async function isRedriving(config: Config, store: Store): Promise<boolean> {
  const [latest] = await store.actions.latestOf(redriveWord(null), 1);
  if (latest === undefined || latest.result !== null) return false;
  // Somebody may have terminated it.
  const { document } = await withTemporal(config, (client) =>
    concluded({ config, store, client, worker: null }, latest),
  );
  return document.result === null;
}

/** A malformed delivery has no token. */
type Noted = Pick<Claim, '_id' | 'gone'> & Partial<Pick<Claim, 'token'>>;

/**
 * Looks at each message once. `seen`: the claims that are known; `back`: the records that were thought to be gone;
 * `unknown`: of no claim, put there by somebody else or older than the claims; `copies`: beyond the first of a record; `noted`: malformed,
 * and noted only now, since MongoDB was away when they came.
 */
async function recordsIn(queue: FailureQueue, config: Config, { claims, malformed }: Store) {
  const seen = new Set<string>();
  const back: FailureMessage[] = [];
  const unknown: ReturnType<typeof shownOf>[] = [];
  let [copies, noted] = [0, 0];
  for await (const some of chunks(queue.messages())) {
    const _id = { $in: some.flatMap(({ claim }) => claim ?? []) };
    const own = claims.collection.find({ _id }).project<Noted>({ gone: 1, token: 1 });
    const others = malformed.collection.find({ _id }).project<Noted>({ gone: 1 });
    const notes = [...(await own.toArray()), ...(await others.toArray())];
    const known = new Map(notes.map((note) => [note._id, note]));
    for (const failure of some) {
      const { claim, token } = failure;
      const note = known.get(claim ?? '');
      const isAnothers = note?.token !== undefined && note.token !== token;
      if (claim === null || isAnothers) unknown.push(shownOf(failure, config));
      else if (seen.has(claim)) copies += 1;
      else if (note !== undefined) {
        seen.add(claim);
        if (note.gone !== undefined) back.push(failure);
      } else if (failure.failureClass === 'malformed' && isOurs(failure, config)) {
        seen.add(claim);
        noted += 1;
        await noteAgain(failure, malformed);
      } else unknown.push(shownOf(failure, config));
    }
  }
  return { seen, back, unknown, copies, noted };
}

function noteAgain({ body, reason, at }: FailureMessage, malformed: Store['malformed']) {
  const time = Date.parse(at ?? '');
  return malformed.note(body, reason ?? '', Number.isNaN(time) ? new Date() : new Date(time));
}

const shownOf = (failure: FailureMessage, config: Config) => ({
  id: shownId(failure, config),
  class: failure.failureClass,
  messageId: shownText(failure, failure.messageId, config),
});
