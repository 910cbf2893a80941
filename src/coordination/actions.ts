/** What operators do: who, what, on which registrations and why. Noted before its effect, and with its result. */
import { randomUUID } from 'node:crypto';
import { OWN, type OwnDatabase } from '../mongo/collections.ts';
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

export type Actions = ReturnType<typeof openActions>;

export function openActions(db: OwnDatabase) {
  const collection = db.collection<ActionDocument>(OWN.actions);
  const note = async (_id: string, isDone: boolean, text: string): Promise<void> => {
    const result = { at: new Date(), isDone, text };
    await collection.updateOne({ _id }, { $set: { result } });
  };
  return {
    collection,
    /**
     * Does it, and notes it before and after.
     * @param told the result, for people
     * @throws what `work` throws, which is noted too; when it cannot be noted first, nothing is done
     */
    async act<T>(action: Action, work: () => Promise<T>, told: (result: T) => string): Promise<T> {
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
    /** Notes what several processes do, one after the other, before they do it. Idempotent. */
    async begin(_id: string, action: Action): Promise<void> {
      const progress = { sent: 0, canaries: null };
      const document = { at: new Date(), ...action, progress, result: null };
      await collection.updateOne({ _id }, { $setOnInsert: document }, { upsert: true });
    },
    async addSent(_id: string, count: number): Promise<void> {
      await collection.updateOne({ _id }, { $inc: { 'progress.sent': count } });
    },
    async tellCanaries(_id: string, canaries: ActionProgress['canaries']): Promise<void> {
      await collection.updateOne({ _id }, { $set: { 'progress.canaries': canaries } });
    },
    end: note,
    /** The latest first. */
    latest: (count: number): Promise<ActionDocument[]> =>
      collection.find({}).sort({ at: -1 }).limit(count).toArray(),
  };
}
