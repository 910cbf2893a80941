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
  /** Where it was said; a command unless it is given. */
  via?: 'page';
  /** Of whoever said it on the page. */
  role?: string;
}

export interface ActionDocument extends Action {
  _id: string;
  at: Date;
  /** Of one that goes on for longer. */
  progress?: ActionProgress;
  /** Of a redrive: which failures. */
  order?: { class: string | null; group: string | null };
  /** Of an audit. */
  report?: AuditSummary;
  /** Null while it goes on, and where its process ended before it could say. */
  result: ({ at: Date; isDone: boolean; text: string } & ActionResult) | null;
}

/** Of a redrive: those that were tried first did not end well, and the others were left. */
export interface ActionResult {
  isStoppedByCanaries?: boolean;
}

export interface ActionProgress {
  sent: number;
  /** `outcomes`: how many have ended how. */
  canaries: { settled: number; of: number; outcomes: Record<string, number> } | null;
}

/** An audit as it is kept. */
export interface AuditSummary {
  holds: boolean;
  /** In the order in which they are told; null where that cannot be said. */
  sums: { name: string; count: number | null }[];
  /** `some` with ids as they may be shown. */
  findings: { kind: string; count: number; some: { id: string; what: string }[] }[];
}

export type Actions = ReturnType<typeof openActions>;

export function openActions(db: OwnDatabase) {
  const collection = db.collection<ActionDocument>(OWN.actions);
  const note = async (
    _id: string,
    isDone: boolean,
    text: string,
    more: ActionResult = {},
  ): Promise<void> => {
    const result = { at: new Date(), isDone, text, ...more };
    await collection.updateOne({ _id }, { $set: { result } });
  };
  return {
    collection,
    /**
     * Does it, and notes it before and after.
     * @param told the result, for people; _id: where somebody is to know it before
     * @throws what `work` throws, which is noted too; when it cannot be noted first, nothing is done
     */
    async act<T>(
      action: Action,
      work: () => Promise<T>,
      told: (result: T) => string,
      _id: string = randomUUID(),
    ): Promise<T> {
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
    async begin(_id: string, action: Action & Pick<ActionDocument, 'order'>): Promise<void> {
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
    async addReport(_id: string, report: AuditSummary): Promise<void> {
      await collection.updateOne({ _id }, { $set: { report } });
    },
    end: note,
    /** Of one that cannot say any more how it ended. What it has said itself stays. */
    async endUnsaid(_id: string, text: string): Promise<void> {
      const result = { at: new Date(), isDone: false, text };
      await collection.updateOne({ _id, result: null }, { $set: { result } });
    },
    find: (_id: string): Promise<ActionDocument | null> => collection.findOne({ _id }),
    /** The latest first. @param behind the last one that is known already */
    after: async (behind: Pick<ActionDocument, 'at' | '_id'>, count: number) => {
      const { at, _id } = behind;
      const older = { $or: [{ at: { $lt: at } }, { at, _id: { $lt: _id } }] };
      return collection.find(older).sort({ at: -1, _id: -1 }).limit(count).toArray();
    },
    /** Of these, the latest first. */
    latestOf: (what: RegExp | string, count: number): Promise<ActionDocument[]> =>
      collection.find({ what }).sort({ at: -1 }).limit(count).toArray(),
    /** The latest first. */
    latest: (count: number): Promise<ActionDocument[]> =>
      collection.find({}).sort({ at: -1, _id: -1 }).limit(count).toArray(),
  };
}
