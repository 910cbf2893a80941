/** Runs as everybody sees them, in the database; and what the claims of one say. */
import { hostname } from 'node:os';
import { messageOf } from '../../claims/claims.ts';
import type { EtlOrder, EtlWhen } from '../../domain/etl-order.ts';
import { insertNew } from '../../mongo/client.ts';
import { OWN, type OwnDatabase } from '../../mongo/collections.ts';
import { idOf } from '../../tasks/call-of.ts';
import type { TaskClaim } from '../../tasks/claims.ts';
import type { Counts, Ends } from '../ends.ts';

export const workerOf = (run: string): string => `etl.${run}`;

export interface EtlRecord {
  _id: string;
  /** Without passwords and what else may be secret. */
  input: string;
  /** Absolute. */
  output: string;
  host: string;
  state: 'processing' | 'stopped' | 'done';
  items: number;
  counts: Counts;
  startedAt: Date;
  seenAt: Date;
}

export function openEtlRuns(own: OwnDatabase) {
  const collection = own.collection<EtlRecord>(OWN.etlRuns);
  return {
    note: async ({ _id, ...record }: Omit<EtlRecord, 'host' | 'seenAt'>): Promise<void> => {
      const seen = { ...record, host: hostname(), seenAt: new Date() };
      await collection.updateOne({ _id }, { $set: seen }, { upsert: true });
    },
    /** The last ones first. */
    list: (limit: number): Promise<EtlRecord[]> =>
      collection.find().sort({ _id: -1 }).limit(limit).toArray(),
    find: (run: string): Promise<EtlRecord | null> => collection.findOne({ _id: run }),
  };
}

/** What schedules run. */
export interface EtlScheduleRecord extends EtlOrder {
  /** `<task queue>/<name>` */
  _id: string;
  name: string;
  taskQueue: string;
  host: string;
  when: EtlWhen;
}

export function openEtlSchedules(own: OwnDatabase, taskQueue: string) {
  const collection = own.collection<EtlScheduleRecord>(OWN.etlSchedules);
  const idOfSchedule = (name: string): string => `${taskQueue}/${name}`;
  return {
    /** False where there is one of that name. */
    async add(record: Omit<EtlScheduleRecord, '_id' | 'taskQueue'>): Promise<boolean> {
      const _id = idOfSchedule(record.name);
      return (await insertNew(collection, [{ _id, taskQueue, ...record }])).size === 0;
    },
    find: (name: string): Promise<EtlScheduleRecord | null> =>
      collection.findOne({ _id: idOfSchedule(name) }),
    list: (): Promise<EtlScheduleRecord[]> =>
      collection.find({ taskQueue }).sort({ _id: 1 }).toArray(),
    /** False where there is none. */
    remove: async (name: string): Promise<boolean> =>
      (await collection.deleteOne({ _id: idOfSchedule(name) })).deletedCount === 1,
  };
}

/** All claims of a worker have keys from here to there. */
const keysOf = (run: string) => ({ $gte: `${workerOf(run)}/`, $lt: `${workerOf(run)}0` });

/** Brings every end that the claims know into the files, those first that came first. */
export async function readEnds(own: OwnDatabase, run: string, ends: Ends): Promise<void> {
  const claims = own.collection<TaskClaim>(OWN.taskClaims);
  const found = claims.find({ _id: keysOf(run), settledAt: { $ne: null } }, { allowDiskUse: true });
  for await (const claim of found.sort({ settledAt: 1 })) {
    const { attempts, outcome, result, origin } = claim;
    const index = Number(idOf(claim));
    if (outcome?.kind === 'done' && typeof result === 'string')
      ends.done(index, attempts, JSON.parse(result));
    else if (outcome !== null && outcome.kind !== 'done')
      ends.failed({
        ...{ index, attempts, class: outcome.class ?? outcome.kind },
        offset: origin.broker === 'url' ? origin.offset : 0,
        errors: (outcome.reason ?? outcome.kind).split('\n'),
        bytes: claim.message?.properties === '' ? messageOf(claim) : null,
      });
  }
}

export const countOpen = (own: OwnDatabase, run: string): Promise<number> =>
  own
    .collection<TaskClaim>(OWN.taskClaims)
    .countDocuments({ worker: workerOf(run), settledAt: null }, { limit: 1 });
