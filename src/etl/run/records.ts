/** Runs as everybody sees them, in the database; and what the claims of one say. */
import { hostname } from 'node:os';
import type { Document } from 'mongodb';
import { z } from 'zod';
import { messageOf } from '../../claims/claims.ts';
import type { Config } from '../../config/schema.ts';
import type { EtlOrder, EtlWhen } from '../../domain/etl-order.ts';
import { claimKey } from '../../domain/names.ts';
import { insertNew } from '../../mongo/client.ts';
import { OWN, type OwnDatabase } from '../../mongo/collections.ts';
import { NOW } from '../../mongo/server-time.ts';
import { chunks } from '../../runtime/chunks.ts';
import { idOf } from '../../tasks/call-of.ts';
import { openTaskClaims, type TaskClaim } from '../../tasks/claims.ts';
import { sealedText } from '../../temporal/sealed-text.ts';
import type { Counts, Ends } from '../ends.ts';

const PREFIX = 'etl.';
export const workerOf = (run: string): string => PREFIX + run;
export const isOfEtl = (worker: string): boolean => worker.startsWith(PREFIX);

interface EtlRecord {
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
  /** By the clock of MongoDB. */
  seenAt: Date;
}

/** As it was when it was read. `silent`: its process was killed, or cannot reach MongoDB. */
export interface EtlRun extends Omit<EtlRecord, 'state'> {
  state: EtlRecord['state'] | 'silent';
}

/** It is told each other second, and while it stops for as long as its calls take. */
const SILENT_MS = 60_000;
const IS_SILENT: Document = {
  $and: [
    { $eq: ['$state', 'processing'] },
    { $gt: [{ $subtract: [NOW, { $toLong: '$seenAt' }] }, SILENT_MS] },
  ],
};
const SEEN: Document = { $set: { state: { $cond: [IS_SILENT, 'silent', '$state'] } } };

export function openEtlRuns(own: OwnDatabase) {
  const collection = own.collection<EtlRecord>(OWN.etlRuns);
  return {
    note: async ({ _id, ...record }: Omit<EtlRecord, 'host' | 'seenAt'>): Promise<void> => {
      const told = {
        $set: { ...record, host: hostname() },
        $currentDate: { seenAt: true },
      } as const;
      await collection.updateOne({ _id }, told, { upsert: true });
    },
    /** The last ones first. */
    list: (limit: number): Promise<EtlRun[]> =>
      collection.aggregate<EtlRun>([{ $sort: { _id: -1 } }, { $limit: limit }, SEEN]).toArray(),
    find: async (run: string): Promise<EtlRun | null> =>
      (await collection.aggregate<EtlRun>([{ $match: { _id: run } }, SEEN]).toArray())[0] ?? null,
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

const AT_ONCE = 500;

/**
 * Brings every end that only the claims know into the files, those first that came first. Of a million MongoDB would sort for longer than
 * it may be silent.
 */
export async function readEnds(own: OwnDatabase, run: string, ends: Ends): Promise<void> {
  const claims = openTaskClaims(own);
  const known = { _id: keysOf(run), settledAt: { $ne: null } };
  const times = new Float64Array(ends.items);
  const found = claims.collection
    .find(known)
    .project<Pick<TaskClaim, 'worker' | 'item' | 'settledAt'>>({
      worker: 1,
      item: 1,
      settledAt: 1,
    });
  for await (const claim of found) {
    const index = Number(idOf(claim));
    if (!ends.has(index) && index < times.length) times[index] = claim.settledAt?.getTime() ?? 0;
  }
  const timeOf = (index: number): number => times[index] ?? 0;
  const order = Uint32Array.from(times.keys())
    .filter((index) => timeOf(index) > 0)
    .sort((a, b) => timeOf(a) - timeOf(b));
  for await (const some of chunks(order, AT_ONCE)) {
    const keys = some.map((index) => claimKey(`${workerOf(run)}/${index}`, 0));
    const all = await claims.find(keys);
    for (const key of keys) {
      const claim = all.get(key);
      if (claim !== undefined) bringIn(claim, ends);
    }
    await ends.append();
  }
}

function bringIn(claim: TaskClaim, ends: Ends): void {
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

/** The files have them. */
export const forgetEnds = (own: OwnDatabase, run: string): Promise<void> =>
  openTaskClaims(own).forget({ _id: keysOf(run), settledAt: { $ne: null } });

export const countOpen = (own: OwnDatabase, run: string): Promise<number> =>
  own
    .collection<TaskClaim>(OWN.taskClaims)
    .countDocuments({ worker: workerOf(run), settledAt: null }, { limit: 1 });
