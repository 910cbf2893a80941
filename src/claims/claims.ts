/**
 * Claims: who has taken which registration id, with the message until it is settled and the outcome for ever after.
 * It outlives Temporal's retention, and is what decides whether a delivery is new, a duplicate or a conflict.
 */
import { randomBytes } from 'node:crypto';
import { Binary, type Collection, type Db, type Document } from 'mongodb';
import { foldedReason } from '../domain/failure-group.ts';
import { readClaimKey } from '../domain/names.ts';
import { FAILURE_CLASSES, isFailure, type OutcomeKind } from '../domain/registrations/outcome.ts';
import { EXPIRY, OWN } from '../mongo/collections.ts';
import { expireAfter, partialFailure } from '../mongo/client.ts';
import { setEach } from '../mongo/set-each.ts';
import type { Gone } from './gone.ts';

export interface ClaimOutcome {
  kind: OutcomeKind;
  reason: string | null;
  /** Of a failure: its reason with the numbers and ids folded, by which failures are counted. Written with it. */
  group?: string;
  /** See Outcome. */
  ours?: true;
  at: Date;
  requestId: string | null;
  acceptedAt: Date | null;
  polls: number;
  /** Whether the legacy system has it is not known. */
  doubt: boolean;
  /** The journal entry it ended with. */
  entry: string;
}

export interface Claim {
  /** `<id>~<generation>`, or `<id>~<generation>!<hash>` for the bytes of a conflict. */
  _id: string;
  item: string;
  generation: number;
  conflict: boolean;
  /** Random: who has it has seen its failure record, and may redrive it. */
  token: string;
  workflowId: string;
  index: number;
  /** The dead run it was taken from. */
  takenFrom?: string;
  /** SHA-256 of the raw bytes, hex. */
  bodyHash: string;
  /** Until it is settled. */
  message: { body: Binary; properties: string } | null;
  receivedAt: Date;
  claimedAt: Date;
  /**
   * The journal entry that it has got to, perhaps of an earlier generation. It is moved before a next entry is opened, and
   * after the one before has given way: so an entry that gave way says that the next one was never sent.
   */
  entry: string;
  /** It is with the legacy system: marked while legacy.maxInFlight is set (registrations/in-flight.ts). */
  atLegacy?: string;
  /** Set before a failure record is published, so that whoever redrives that record finds it. */
  outcome: ClaimOutcome | null;
  settledAt: Date | null;
  /** Timed out: when the legacy system was last asked whether it has finished it (registrations/late.ts). */
  lateLookAt?: Date;
  /** What became of it after it had timed out. */
  lateResult?: LateResult;
  /** Its failure record is not in the queue any more, as far as is known (records.ts). */
  gone?: Gone;
}

/** `at`: when it was seen. */
export interface LateResult {
  status: 'done' | 'failed';
  at: Date;
}

export interface Owner {
  workflowId: string;
  message: Buffer | null;
  /** How it ends is decided, and its record perhaps on its way. */
  isConcluded: boolean;
}

export interface Claims {
  /** Inserts what is free; returns the `_id`s that were taken already. */
  insert(claims: Claim[]): Promise<Set<string>>;
  find(keys: string[]): Promise<Map<string, Claim>>;
  /** Who holds each claim, and the bytes of its message, null once it is let go: all that submitting needs. */
  owners(keys: string[]): Promise<Map<string, Owner>>;
  /** The workflow ids of the runs that hold claims, by claim; none for a claim that is not there. */
  workflowIds(keys: string[]): Promise<Map<string, string>>;
  /** Every claim on a registration id, oldest generation first. */
  ofItem(id: string): Promise<Claim[]>;
  /**
   * Gives unsettled claims of one run to another, at these indexes, unless they have moved or been settled meanwhile.
   * Returns those that are the new holder's, as they are now.
   */
  take(
    from: string,
    to: string,
    wanted: { claim: string; index: number }[],
  ): Promise<Map<string, Claim>>;
  /** Takes a settled conflict up again: it was redriven and still is one. False when it is open: somebody has. */
  reopenConflict(claim: Claim): Promise<boolean>;
  /** Writes how claims of this run end; those that are settled, or that another run has taken meanwhile, stay as they are. */
  conclude(outcomes: { claim: string; outcome: ClaimOutcome }[], workflowId: string): Promise<void>;
  /** The outcome has reached its destination: the message is no longer ours to keep. Of open claims of this run only. */
  settled(outcomes: { claim: string; outcome: ClaimOutcome }[], workflowId: string): Promise<void>;
  /** Moves claims on from one entry to the next; those that have moved already stay as they are. */
  moveOn(moves: { claim: string; from: string; to: string }[]): Promise<void>;
  /** Marks unsettled claims as with the legacy system; null takes the mark away. */
  setAtLegacy(keys: string[], mark: string | null): Promise<void>;
  /** Those that are as we write them, for whoever reads many: one that was edited by hand stops nobody. */
  sound: <T extends { _id: string }>(claims: readonly T[]) => T[];
  collection: Collection<Claim>;
}

/** A filter: by the range of _id, so that no second index is paid for by every registration. */
export const ofItem = (id: string) => ({
  _id: { $gte: `${id}~`, $lt: `${id}~\u{10ffff}` },
  item: id,
});

/** Makes the indexes of the claims. */
export async function indexClaims({ collection }: Claims, retentionMs: number): Promise<void> {
  await expireAfter(collection, EXPIRY[OWN.claims], retentionMs);
  // Of those that the legacy system has, so that they can be counted.
  await collection.createIndex(
    { atLegacy: 1 },
    { partialFilterExpression: { atLegacy: { $exists: true }, settledAt: null } },
  );
  // Of failures alone: those whose records wait are listed, and what is registered pays for nothing.
  const partialFilterExpression = { 'outcome.kind': { $in: [...FAILURE_CLASSES] } };
  await collection.createIndex(
    { 'outcome.kind': 1, 'gone.as': 1, settledAt: 1 },
    { partialFilterExpression },
  );
}

export function openClaims(db: Db, sound: Claims['sound']): Claims {
  const collection = db.collection<Claim>(OWN.claims);
  const find: Claims['find'] = async (keys) => {
    if (keys.length === 0) return new Map();
    const found = await collection.find({ _id: { $in: keys } }).toArray();
    return new Map(found.map((claim) => [claim._id, claim]));
  };
  return {
    collection,
    sound,
    find,
    async insert(claims) {
      if (claims.length === 0) return new Set();
      try {
        await collection.insertMany(claims, { ordered: false });
        return new Set();
      } catch (error) {
        const { duplicates, permanent, transient } = partialFailure(error);
        if (permanent.size + transient.size > 0) throw error;
        return new Set([...duplicates].map((index) => claims[index]?._id ?? ''));
      }
    },
    async take(from, to, wanted) {
      const keys = wanted.map(({ claim }) => claim);
      await collection.updateMany(
        { _id: { $in: keys }, workflowId: from, settledAt: null },
        setEach(keys, {
          workflowId: wanted.map(() => to),
          index: wanted.map(({ index }) => index),
          takenFrom: wanted.map(() => from),
        }),
      );
      const found = await find(keys);
      return new Map(
        wanted.flatMap(({ claim, index }): [string, Claim][] => {
          const now = found.get(claim);
          const isTaken = now?.workflowId === to && now.index === index && now.settledAt === null;
          return isTaken ? [[claim, now]] : [];
        }),
      );
    },
    async owners(keys) {
      const found = await collection
        // Not 'message.body': of a message that is null such a projection leaves nothing, not even the null.
        .find({ _id: { $in: keys } }, { projection: { message: 1, workflowId: 1, outcome: 1 } })
        .toArray();
      return new Map(
        found.map(({ _id, workflowId, message, outcome }): [string, Owner] => [
          _id,
          {
            workflowId,
            message: messageOf({ message }),
            isConcluded: outcome !== null,
          },
        ]),
      );
    },
    async workflowIds(keys) {
      const found = await collection
        .find({ _id: { $in: keys } }, { projection: { workflowId: 1 } })
        .toArray();
      return new Map(found.map(({ _id, workflowId }) => [_id, workflowId]));
    },
    async ofItem(id) {
      const found = await collection.find(ofItem(id)).toArray();
      return found.sort((a, b) => a.generation - b.generation);
    },
    async reopenConflict({ _id, ...claim }) {
      const changes: Partial<Claim> = claim;
      // An attempt of this run that is tried again has to find it.
      delete changes.token;
      const { matchedCount } = await collection.updateOne(
        // Not again for the same delivery, whose run was started again.
        { _id, settledAt: { $ne: null }, receivedAt: { $ne: claim.receivedAt } },
        { $set: changes, $unset: { gone: '' } },
      );
      return matchedCount > 0;
    },
    async moveOn(moves) {
      const keys = moves.map(({ claim }) => claim);
      await collection.updateMany(
        { _id: { $in: keys }, entry: { $in: moves.map(({ from }) => from) } },
        setEach(keys, { entry: moves.map(({ to }) => to) }),
      );
    },
    async setAtLegacy(keys, mark) {
      if (keys.length === 0) return;
      await collection.updateMany(
        { _id: { $in: keys }, settledAt: null },
        mark === null ? { $unset: { atLegacy: true } } : { $set: { atLegacy: mark } },
      );
    },
    async conclude(outcomes, workflowId) {
      await write(outcomes, workflowId, []);
    },
    async settled(outcomes, workflowId) {
      // By the clock of MongoDB: "failures compare" compares it with the time at which it looked.
      await write(outcomes, workflowId, [{ $set: { settledAt: '$$NOW', message: null } }]);
    },
  };

  async function write(
    outcomes: { claim: string; outcome: ClaimOutcome }[],
    workflowId: string,
    more: Document[],
  ): Promise<void> {
    if (outcomes.length === 0) return;
    const keys = outcomes.map(({ claim }) => claim);
    const written = { outcome: outcomes.map(withGroup) };
    await collection.updateMany({ _id: { $in: keys }, workflowId, settledAt: null }, [
      ...setEach(keys, written),
      ...more,
    ]);
  }
}

function withGroup({ claim, outcome }: { claim: string; outcome: ClaimOutcome }): ClaimOutcome {
  if (!isFailure(outcome.kind)) return outcome;
  const names = [readClaimKey(claim)?.id, outcome.requestId].filter(
    (name) => typeof name === 'string',
  );
  return { ...outcome, group: foldedReason(outcome.reason ?? '', names) };
}

/** A new one for each claim; an attempt that finds the claim there leaves it as it is. */
export const newToken = (): string => randomBytes(16).toString('base64url');

/** Bytes as BSON. */
export const binary = (base64: string): Binary => new Binary(Buffer.from(base64, 'base64'));

/** The bytes of a message; null when it was let go, or taken out by hand. */
export const messageOf = ({ message }: Partial<Pick<Claim, 'message'>>): Buffer | null =>
  message?.body instanceof Binary ? bytes(message.body) : null;

/** Bytes out of BSON. */
export const bytes = (value: Binary): Buffer =>
  Buffer.from(value.buffer).subarray(0, value.length());
