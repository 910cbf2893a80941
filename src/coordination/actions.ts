/** The actions of operators: who, what, on which registrations and why. Written down before the effect, and with the result. */
import { randomUUID } from 'node:crypto';
import type { Collection } from 'mongodb';
import { OWN, type OwnDatabase } from '../mongo/collections.ts';
import { ensureIndex } from '../mongo/indexes.ts';
import { errorFacts } from '../runtime/log.ts';

export interface Action {
  by: string;
  /** As a command is called: `pause`, `failures redrive`. */
  what: string;
  /** Which registrations or settings, as it may be shown; null where it is about all. */
  on: string | null;
  reason: string | null;
}

export interface ActionDocument extends Action {
  _id: string;
  at: Date;
  /** Of one that goes on for longer. */
  progress?: ActionProgress;
  /** Null while it goes on, and where its process ended before it could say. */
  result: { at: Date; isDone: boolean; text: string } | null;
}

export interface ActionProgress {
  sent: number;
  canaries: { settled: number; of: number } | null;
}

export interface Actions {
  /**
   * Does it, with a word about it before and after.
   * @param told what came of it, for people
   * @throws what `work` throws, which is written down; and where it cannot be written down first, nothing is done
   */
  act<T>(action: Action, work: () => Promise<T>, told: (result: T) => string): Promise<T>;
  /** As `act` does before its work, for what several processes do, one after the other. Idempotent. */
  begin(id: string, action: Action): Promise<void>;
  addSent(id: string, count: number): Promise<void>;
  tellCanaries(id: string, canaries: ActionProgress['canaries']): Promise<void>;
  /** As `act` does after its work. */
  end(id: string, isDone: boolean, text: string): Promise<void>;
  /** The latest first. */
  latest(count: number): Promise<ActionDocument[]>;
  collection: Collection<ActionDocument>;
}

export function openActions(db: OwnDatabase): Actions {
  const collection = db.collection<ActionDocument>(OWN.actions);
  const note = async (_id: string, isDone: boolean, text: string): Promise<void> => {
    const result = { at: new Date(), isDone, text };
    await collection.updateOne({ _id }, { $set: { result } });
  };
  return {
    collection,
    async act(action, work, told) {
      const _id = randomUUID();
      await collection.insertOne({ _id, at: new Date(), ...action, result: null });
      const result = await work().catch(async (error: unknown) => {
        // The fault of the work is the one to be told.
        await note(_id, false, errorFacts(error).error).catch(() => {});
        throw error;
      });
      const text = told(result);
      await note(_id, true, text).catch((error: unknown) => {
        const why = errorFacts(error).error;
        throw new Error(`It was done (${text}), and that could not be written down: ${why}`);
      });
      return result;
    },
    async begin(_id, action) {
      const progress = { sent: 0, canaries: null };
      const document = { at: new Date(), ...action, progress, result: null };
      await collection.updateOne({ _id }, { $setOnInsert: document }, { upsert: true });
    },
    async addSent(_id, count) {
      await collection.updateOne({ _id }, { $inc: { 'progress.sent': count } });
    },
    async tellCanaries(_id, canaries) {
      await collection.updateOne({ _id }, { $set: { 'progress.canaries': canaries } });
    },
    end: note,
    latest: (count) => collection.find({}).sort({ at: -1 }).limit(count).toArray(),
  };
}

/** Makes the index by which actions are listed. They are few, and are kept for good. */
export async function indexActions({ collection }: Actions): Promise<void> {
  await ensureIndex(collection, { at: 1 });
}
