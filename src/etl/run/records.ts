/** Runs as everybody sees them, in the database; and what the claims of one say. */
import { hostname } from 'node:os';
import { z } from 'zod';
import { messageOf } from '../../claims/claims.ts';
import type { Config } from '../../config/schema.ts';
import type { EtlOrder, EtlWhen } from '../../domain/etl-order.ts';
import { insertNew } from '../../mongo/client.ts';
import { OWN, type OwnDatabase } from '../../mongo/collections.ts';
import { idOf } from '../../tasks/call-of.ts';
import type { TaskClaim } from '../../tasks/claims.ts';
import { sealedText } from '../../temporal/sealed-text.ts';
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

/** What a schedule runs, and when. */
export interface EtlSchedule extends EtlOrder {
  name: string;
  host: string;
  when: EtlWhen;
}

interface EtlScheduleRecord extends Omit<EtlSchedule, 'args'> {
  /** `<task queue>/<name>` */
  _id: string;
  taskQueue: string;
  /** As JSON, and encrypted where everything is: an address may have a token in it. */
  args: string;
}

/** @throws Error when the keys cannot be read */
export function openEtlSchedules(own: OwnDatabase, config: Config) {
  const { taskQueue } = config.temporal;
  const collection = own.collection<EtlScheduleRecord>(OWN.etlSchedules);
  const sealed = sealedText(config);
  const idOfSchedule = (name: string): string => `${taskQueue}/${name}`;
  const opened = async ({ _id, args, ...rest }: EtlScheduleRecord): Promise<EtlSchedule> => ({
    ...rest,
    args: argsOf.parse(JSON.parse(await sealed.open(_id, args))),
  });
  return {
    /** False where there is one of that name. */
    async add({ args, ...rest }: EtlSchedule): Promise<boolean> {
      const _id = idOfSchedule(rest.name);
      const text = await sealed.seal(_id, JSON.stringify(args));
      return (await insertNew(collection, [{ _id, taskQueue, ...rest, args: text }])).size === 0;
    },
    /** @throws DecryptionError with the remedy */
    async find(name: string): Promise<EtlSchedule | null> {
      const found = await collection.findOne({ _id: idOfSchedule(name) });
      return found && opened(found);
    },
    /** @throws DecryptionError with the remedy */
    list: async (): Promise<EtlSchedule[]> =>
      Promise.all((await collection.find({ taskQueue }).sort({ _id: 1 }).toArray()).map(opened)),
    /** False where there is none. */
    remove: async (name: string): Promise<boolean> =>
      (await collection.deleteOne({ _id: idOfSchedule(name) })).deletedCount === 1,
  };
}

const argsOf = z.array(z.string());

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
