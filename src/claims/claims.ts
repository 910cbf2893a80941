/** Who has which registration id. A claim outlives Temporal's retention, and tells a new delivery from a duplicate or conflict. */
import { randomBytes } from 'node:crypto';
import { Binary, type Document, type Filter } from 'mongodb';
import { groupOf } from '../domain/failure-group.ts';
import type { Ended, Known } from '../domain/registrations/admission.ts';
import { FAILURE_CLASSES, isFailure } from '../domain/registrations/outcome.ts';
import { EXPIRY, OWN, type OwnDatabase } from '../mongo/collections.ts';
import { insertNew } from '../mongo/client.ts';
import { ensureIndex, expireAfter } from '../mongo/indexes.ts';
import { mergeEach, setEach } from '../mongo/set-each.ts';
import type { soundOnly } from './sound-claims.ts';
import { indexUngrouped, toBeCounted, type InGroup } from './ungrouped.ts';

export interface ClaimOutcome extends Ended {
  reason: string | null;
  /** Of a failure: its reason with numbers and ids folded, by which failures are counted. */
  group?: string;
  at: Date;
  polls: number;
}

export interface Claim extends Known, InGroup {
  /** `<id>~<generation>`, or `<id>~<generation>!<hash>` for the bytes of a conflict. */
  _id: string;
  item: string;
  /** The id as the message has it, where that is another text: whoever is asked for it may know no other. */
  writtenId?: string;
  /** Random: who has it has seen its failure record, and may redrive it. */
  token: string;
  workflowId: string;
  index: number;
  takenFrom?: string;
  /** SHA-256 of the raw bytes, hex. */
  bodyHash: string;
  /** Until it is settled. */
  message: { body: Binary; properties: string } | null;
  receivedAt: Date;
  claimedAt: Date;
  /**
   * Its current journal entry, perhaps of an earlier generation. It moves after the entry before has given way, and before
   * the next is opened: so where it names an entry that gave way, the next one was never sent.
   */
  entry: string;
  /** It is with the legacy system: marked while legacy.maxInFlight is set (registrations/in-flight.ts). */
  atLegacy?: string;
  /** Set before a failure record is published, so that whoever redrives that record finds it. */
  outcome: ClaimOutcome | null;
  settledAt: Date | null;
  /** When the legacy system was last asked about it after it had timed out, and its answer (registrations/late.ts). */
  lateLookAt?: Date;
  lateResult?: LateResult;
  /** Set once its failure record is known to have left the queue. */
  gone?: Gone;
}

/** How a failure record left the queue. `taken`: it is not there any more, and none of ours took it. */
export const GONE_AS = ['redriven', 'dropped', 'taken'] as const;
export type GoneAs = (typeof GONE_AS)[number];

export interface Gone {
  as: GoneAs;
  at: Date;
}

export interface LateResult {
  status: 'done' | 'failed';
  /** When it was seen. */
  at: Date;
}

export interface Ending {
  claim: string;
  outcome: ClaimOutcome;
}

/** A filter: by the range of _id, so that no second index is paid for by every registration. */
export const ofItem = (id: string) => ({
  _id: { $gte: `${id}~`, $lt: `${id}~\u{10ffff}` },
  item: id,
});

export async function indexClaims({ collection }: Claims, retentionMs: number): Promise<void> {
  await expireAfter(collection, EXPIRY[OWN.claims], retentionMs);
  // Of those that the legacy system has, so that they can be counted.
  await ensureIndex(
    collection,
    { atLegacy: 1 },
    { partialFilterExpression: { atLegacy: { $exists: true }, settledAt: null } },
  );
  // Of failures alone: those whose records wait are listed, and what is registered pays for nothing.
  const partialFilterExpression = { 'outcome.kind': { $in: [...FAILURE_CLASSES] } };
  await ensureIndex(
    collection,
    { 'outcome.kind': 1, 'gone.as': 1, settledAt: 1 },
    { partialFilterExpression },
  );
  await indexUngrouped(collection);
}

export type Claims = ReturnType<typeof openClaims>;

/** @param sound leaves out claims that were edited by hand, for whoever reads many */
export function openClaims(db: OwnDatabase, sound: ReturnType<typeof soundOnly>) {
  const collection = db.collection<Claim>(OWN.claims);

  async function find(keys: string[]): Promise<Map<string, Claim>> {
    if (keys.length === 0) return new Map();
    const found = await collection.find({ _id: { $in: keys } }).toArray();
    return new Map(found.map((claim) => [claim._id, claim]));
  }

  return {
    collection,
    sound,
    find,
    /** Inserts what is free; returns the `_id`s that were taken already. */
    async insert(claims: Claim[]): Promise<Set<string>> {
      const taken = await insertNew(collection, claims);
      return new Set([...taken].map((index) => claims[index]?._id ?? ''));
    },
    /** Gives unsettled claims of a run to another, unless they have moved or been settled meanwhile. Returns those it has now. */
    async take(from: string, to: string, wanted: { claim: string; index: number }[]) {
      const keys = wanted.map(({ claim }) => claim);
      await collection.updateMany(
        { _id: { $in: keys }, workflowId: from, settledAt: null },
        setEach(keys, {
          workflowId: wanted.map(() => to),
          index: wanted.map(({ index }) => index),
          takenFrom: wanted.map(() => from),
        }),
      );
      const taken = await find(keys);
      for (const { claim, index } of wanted) {
        const now = taken.get(claim);
        if (now?.workflowId !== to || now.index !== index || now.settledAt !== null)
          taken.delete(claim);
      }
      return taken;
    },
    /** All that submitting needs: the owner, the message (null once it is let go), and whether its end is decided. */
    async owners(keys: string[]) {
      const found = await collection
        // Not 'message.body': of a message that is null such a projection leaves nothing, not even the null.
        .find({ _id: { $in: keys } }, { projection: { message: 1, workflowId: 1, outcome: 1 } })
        .toArray();
      return new Map(
        found.map(({ _id, workflowId, message, outcome }) => [
          _id,
          { workflowId, message: messageOf({ message }), isConcluded: outcome !== null },
        ]),
      );
    },
    /** The owner, and whether its end is decided; of those that are there. By their ids alone: an index of anything else could be taken. */
    async standing(keys: string[]) {
      const found = await collection
        .find({ _id: { $in: keys } }, { projection: { workflowId: 1, outcome: 1 } })
        .toArray();
      return new Map(
        found.map(({ _id, workflowId, outcome }) => [
          _id,
          { workflowId, isConcluded: outcome !== null },
        ]),
      );
    },
    /** The workflow ids of the owners, by claim. */
    async workflowIds(keys: string[], only: Filter<Claim> = {}): Promise<Map<string, string>> {
      const found = await collection
        .find({ ...only, _id: { $in: keys } }, { projection: { workflowId: 1 } })
        .toArray();
      return new Map(found.map(({ _id, workflowId }) => [_id, workflowId]));
    },
    /** The ids as their messages have them, by claim; none where that is the registration id. */
    async writtenIds(keys: string[]): Promise<Map<string, string>> {
      const found = await collection
        .find({ _id: { $in: keys } }, { projection: { writtenId: 1 } })
        .toArray();
      return new Map(
        found.flatMap(({ _id, writtenId }) => (writtenId === undefined ? [] : [[_id, writtenId]])),
      );
    },
    /** Every claim on a registration id, oldest generation first. */
    async ofItem(id: string): Promise<Claim[]> {
      const found = await collection.find(ofItem(id)).toArray();
      return found.sort((a, b) => a.generation - b.generation);
    },
    /** Takes a settled conflict up again: it was redriven and still is one. False when somebody has it open. */
    async reopenConflict({ _id, ...claim }: Claim): Promise<boolean> {
      const changes: Partial<Claim> = claim;
      // An attempt of this run that is tried again has to find it.
      delete changes.token;
      const { matchedCount } = await collection.updateOne(
        // Not again for the same delivery, whose run was started again.
        { _id, settledAt: { $ne: null }, receivedAt: { $ne: claim.receivedAt } },
        { $set: { ...changes, ...toBeCounted() }, $unset: { gone: '' } },
      );
      return matchedCount > 0;
    },
    /** Moves claims on from one entry to the next; those that have moved already stay as they are. */
    async moveOn(moves: { claim: string; from: string; to: string }[]): Promise<void> {
      const keys = moves.map(({ claim }) => claim);
      await collection.updateMany(
        { _id: { $in: keys }, entry: { $in: moves.map(({ from }) => from) } },
        setEach(keys, { entry: moves.map(({ to }) => to) }),
      );
    },
    /** Marks unsettled claims as with the legacy system; null takes the mark away. */
    async setAtLegacy(keys: string[], mark: string | null): Promise<void> {
      if (keys.length === 0) return;
      await collection.updateMany(
        { _id: { $in: keys }, settledAt: null },
        mark === null ? { $unset: { atLegacy: true } } : { $set: { atLegacy: mark } },
      );
    },
    /** Writes how open claims of this run end; it changes no others. */
    conclude: (outcomes: Ending[], workflowId: string) =>
      writeOutcomes(outcomes, workflowId, {}, []),
    /** The outcome has reached its destination: the message is no longer ours to keep. Of open claims of this run only. */
    settled: (outcomes: Ending[], workflowId: string) =>
      // By the clock of MongoDB: "failures compare" compares it with the time at which it looked.
      writeOutcomes(outcomes, workflowId, toBeCounted(), [
        { $set: { settledAt: '$$NOW', message: null } },
      ]),
  };

  async function writeOutcomes(
    outcomes: Ending[],
    workflowId: string,
    ofFailures: InGroup,
    more: Document[],
  ): Promise<void> {
    if (outcomes.length === 0) return;
    const keys = outcomes.map(({ claim }) => claim);
    const written = outcomes.map((each) => ({
      outcome: withGroup(each),
      ...(isFailure(each.outcome.kind) ? ofFailures : {}),
    }));
    await collection.updateMany({ _id: { $in: keys }, workflowId, settledAt: null }, [
      ...mergeEach(keys, written),
      ...more,
    ]);
  }
}

function withGroup({ claim, outcome }: Ending): ClaimOutcome {
  if (!isFailure(outcome.kind)) return outcome;
  return { ...outcome, group: groupOf(outcome.reason, claim, outcome.requestId) };
}

export const newToken = (): string => randomBytes(16).toString('base64url');

export const binary = (base64: string): Binary => new Binary(Buffer.from(base64, 'base64'));

/** The bytes of a message; null when it was let go, or taken out by hand. */
export const messageOf = ({ message }: Partial<Pick<Claim, 'message'>>): Buffer | null =>
  message?.body instanceof Binary ? bytes(message.body) : null;

export const bytes = (value: Binary): Buffer =>
  Buffer.from(value.buffer).subarray(0, value.length());
