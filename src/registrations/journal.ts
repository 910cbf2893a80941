/**
 * The journal. An intent is written before a POST and its outcome after the answer, so that every later attempt knows what may
 * have been on the wire. Every write names the state, or the token of the attempt, that it builds on: of two attempts that
 * meet, one wins and the other sees it.
 */
import { createHash } from 'node:crypto';
import { claimOfEntry, entryNumber } from '../domain/names.ts';
import type { JournalState, Submission } from '../domain/registrations/entry.ts';
import type { Clock } from '../mongo/clock.ts';
import { EXPIRY, OWN, type OwnDatabase } from '../mongo/collections.ts';
import { insertNew } from '../mongo/client.ts';
import { ensureIndex, expireAfter } from '../mongo/indexes.ts';
import { setEach } from '../mongo/set-each.ts';

export interface Entry extends Submission {
  /** `<claim>#<n>`. */
  _id: string;
  /** Of the attempt that wrote the intent. */
  token: string;
  /** From when its retention counts: since it was opened, decided, or taken on by a redrive. */
  keptFrom?: Date;
  /** How often it was on the wire, or about to be. */
  tries: number;
  operator: string | null;
}

export interface Closing {
  entry: string;
  state: 'accepted' | 'refused' | 'not-accepted' | 'unknown';
  requestId: string | null;
  reason: string | null;
}

export type Journal = ReturnType<typeof openJournal>;

/** @param retentionMs longer than any claim that may go on with an entry */
export async function indexJournal({ collection }: Journal, retentionMs: number): Promise<void> {
  await expireAfter(collection, EXPIRY[OWN.journal], retentionMs);
  // Of the few that are in doubt, so that they can be counted.
  await ensureIndex(collection, { state: 1 }, { partialFilterExpression: { state: 'unknown' } });
  // Of what is accepted, so that a request id that is given twice is noticed.
  await ensureIndex(
    collection,
    { requestId: 1 },
    { partialFilterExpression: { state: 'accepted' } },
  );
}

/** @param retentionMs as indexJournal has it */
export function openJournal(db: OwnDatabase, retentionMs: number, clock: Pick<Clock, 'now'>) {
  const collection = db.collection<Entry>(OWN.journal);

  async function read(entries: string[]): Promise<Map<string, Entry>> {
    if (entries.length === 0) return new Map();
    const found = await collection.find({ _id: { $in: entries } }).toArray();
    return new Map(found.map((entry) => [entry._id, entry]));
  }

  return {
    collection,
    read,
    /** Writes intents for entries that are new or known not to be accepted. Returns those that are this token's to send. */
    async open(
      entries: string[],
      known: ReadonlyMap<string, Entry>,
      token: string,
    ): Promise<Set<string>> {
      const fresh = entries.filter((entry) => !known.has(entry));
      const again = entries.filter((entry) => known.has(entry));
      const mine = new Set(fresh);
      for (const taken of await insert(fresh, token)) mine.delete(taken);
      if (again.length > 0) {
        await collection.updateMany(
          { _id: { $in: again }, state: 'not-accepted' },
          {
            $set: { state: 'intent', token, ...timesOf(clock.now()), answeredAt: null },
            $inc: { tries: 1 },
          },
        );
        for (const [entry, { token: holder }] of await read(again)) {
          if (holder === token) mine.add(entry);
        }
      }
      return mine;
    },
    /** Says of this token's intents that nothing of them was sent, so that a later attempt may send them. */
    async withdraw(entries: string[], token: string): Promise<void> {
      await collection.updateMany(
        { _id: { $in: entries }, token, state: 'intent' },
        { $set: { state: 'not-accepted', reason: 'never sent' }, $inc: { tries: -1 } },
      );
    },
    /** Writes the outcomes of this token's intents, unless somebody has said more since. */
    async close(closings: Closing[], token: string): Promise<void> {
      if (closings.length === 0) return;
      const entries = closings.map(({ entry }) => entry);
      await collection.updateMany(
        // A later word stands, above all a person's. So does an entry that gave way: the next one may be on the wire.
        {
          _id: { $in: entries },
          token,
          state: { $in: ['intent', 'unknown'] },
          needsPerson: { $ne: true },
        },
        setEach(entries, {
          state: closings.map(({ state }) => state),
          requestId: closings.map(({ requestId }) => requestId),
          reason: closings.map(({ reason }) => reason),
          answeredAt: closings.map(() => new Date(clock.now())),
        }),
      );
    },
    /** The entries that are accepted under any of these request ids; of very many the newest. */
    async acceptedUnder(requestIds: string[]) {
      const found = await collection
        .find({ requestId: { $in: requestIds }, state: 'accepted' })
        .project<Accepted>({ requestId: 1, operator: 1 })
        // Their own, and others: more only where a legacy system goes through the same few ids again and again.
        .sort({ at: -1 })
        .limit(requestIds.length + 1_000)
        .toArray();
      return found.map(({ _id, requestId, operator }) => ({ entry: _id, requestId, operator }));
    },
    /** Entries that nobody knows about give way to the next (onUnknown: resubmit): from here on they are never sent. */
    async supersede(entries: string[]): Promise<void> {
      await collection.updateMany(
        { _id: { $in: entries }, state: 'unknown' },
        { $set: { state: 'superseded' } },
      );
    },
    /** The newest that were accepted no later than `until`, on the word of one of these. */
    async acceptedBefore(until: Date, operators: (string | null)[], count: number) {
      const found = await collection
        // By the index of what expires.
        .find({ state: 'accepted', keptFrom: { $lte: until }, operator: { $in: operators } })
        .project<Accepted>({ requestId: 1 })
        .sort({ keptFrom: -1 })
        .limit(count)
        .toArray();
      return found.map(({ _id, requestId }) => ({ entry: _id, requestId }));
    },
    /** Moves an entry on from one of the given states; returns it as it then is, changed or not, or null if there is none. */
    async decide(
      entry: string,
      from: JournalState[],
      to: Partial<Omit<Entry, '_id' | 'token' | 'at' | 'keptFrom' | 'tries'>>,
    ): Promise<Entry | null> {
      const keptFrom = new Date(clock.now());
      await collection.updateOne(
        { _id: entry, state: { $in: from } },
        { $set: { ...to, keptFrom } },
      );
      return collection.findOne({ _id: entry });
    },
    /** Whether an entry may have expired that was opened at that time. */
    mayHaveExpired: (openedAt: Date): boolean => clock.now() - openedAt.getTime() >= retentionMs,
    /** Keeps an entry for as long as a new one. One that is not there would count as never sent: it is written as `known` says. */
    async keep(
      _id: string,
      known: (Pick<Entry, 'state' | 'requestId' | 'reason'> & { answeredAt?: Date }) | null,
    ): Promise<void> {
      const keptFrom = new Date(clock.now());
      if (known === null) await collection.updateOne({ _id }, { $set: { keptFrom } });
      else {
        const { token, at, tries, operator } = intentOf(_id, '', clock.now());
        const lost = { token, at, tries, operator, answeredAt: at, ...known };
        const update = { $set: { keptFrom }, $setOnInsert: lost };
        await collection.updateOne({ _id }, update, { upsert: true });
      }
    },
  };

  /** Returns what another attempt has. */
  async function insert(entries: string[], token: string): Promise<string[]> {
    const now = clock.now();
    const taken = await insertNew(
      collection,
      entries.map((entry) => intentOf(entry, token, now)),
    );
    // The driver may have repeated an insert whose answer was lost: then the entry it met is our own.
    const met = await read([...taken].map((index) => entries[index] ?? ''));
    return [...met.values()].filter((each) => each.token !== token).map((each) => each._id);
  }
}

type Accepted = Pick<Entry, '_id' | 'operator'> & { requestId: string };

const timesOf = (now: number) => ({ at: new Date(now), keptFrom: new Date(now) });

const intentOf = (_id: string, token: string, now: number): Entry => ({
  _id,
  state: 'intent',
  token,
  ...timesOf(now),
  tries: 1,
  requestId: null,
  reason: null,
  answeredAt: null,
  operator: null,
});

/** Submissions that were on the wire, up to a journal entry; each earlier one was, or no operator would have opened the next. */
export const attemptsOf = (key: string, entry: Pick<Entry, 'tries'> | undefined): number =>
  entry === undefined || entry.tries === 0 ? 0 : entry.tries + entryNumber(key) - 1;

/**
 * The same for every submission of one claim: a legacy system that honours it files once, also where `onUnknown: resubmit` or
 * an operator opens a next entry for what had been accepted after all.
 */
export const idempotencyKey = (entry: string): string =>
  createHash('sha256').update(claimOfEntry(entry)).digest('hex').slice(0, 32);
