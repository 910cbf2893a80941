/** How many tasks of each worker are where. */
import type { Collection } from 'mongodb';
import { countReady } from '../broker/rabbitmq/queues.ts';
import { readQueues } from '../config/queues.ts';
import type { Config } from '../config/schema.ts';
import { pauseOf, type Control } from '../coordination/control.ts';
import type { SeenProcess, SourceUse } from '../coordination/processes.ts';
import { TASK_FAILURES } from '../domain/tasks.ts';
import { OWN, type OwnDatabase } from '../mongo/collections.ts';
import { withRabbit } from '../registrations/neighbours.ts';
import { maskUrl } from '../runtime/mask.ts';
import { kafkaLink } from '../tasks/kafka-link.ts';
import { rabbitFor } from '../tasks/rules.ts';
import { part, type Part } from './reach.ts';

type Use = NonNullable<SourceUse['worker']>;

export interface WorkerCounts {
  worker: string;
  /** Processes that run it now. Null where they do not say so: ops.enabled is false. */
  processes: number | null;
  /** In its queue or topic. Null where no process has said within a day which that is. */
  waiting: Part<number> | null;
  /** Claimed and not settled: those that run now and those that rest before their next attempt among them. */
  open: number;
  /** Calls of its handler now; null as `processes`. */
  running: number | null;
  /** Failed, and neither redriven nor dropped. */
  dead: number;
  /** Settled, over the last minute. */
  perSecond: number;
  paused: { reason: string; by: string; at: Date } | null;
}

const WINDOW_MS = 60_000;

/** @param now epoch ms by the clock of MongoDB @throws what MongoDB throws */
export async function readWorkers(
  config: Config,
  own: OwnDatabase,
  control: Control,
  processes: readonly SeenProcess[],
  now: number,
): Promise<WorkerCounts[]> {
  const claims = own.collection(OWN.taskClaims);
  const byWorker = async (
    match: object,
    from: Collection = claims,
  ): Promise<Map<string, number>> => {
    const group = { $group: { _id: '$worker', count: { $sum: 1 } } };
    const found = from.aggregate<{ _id: string; count: number }>([{ $match: match }, group]);
    return new Map(await Array.fromAsync(found, ({ _id, count }) => [_id, count] as const));
  };
  const kinds = { $in: [...TASK_FAILURES] };
  // Each by an index: what is done and older is not read.
  const notes = own.collection(OWN.malformed);
  const [open, dead, settled, malformed] = await Promise.all([
    byWorker({ settledAt: null }),
    byWorker({ 'outcome.kind': kinds, settledAt: { $ne: null }, 'gone.as': null }),
    byWorker({ settledAt: { $gte: new Date(now - WINDOW_MS) } }),
    byWorker({ worker: { $exists: true }, 'gone.as': null }, notes),
  ]);
  const said = processes.flatMap(({ state, sources }) =>
    sources.flatMap(({ name, worker }) => (worker === undefined ? [] : { name, state, worker })),
  );
  const names = new Set([
    ...said.map(({ name }) => name),
    ...open.keys(),
    ...dead.keys(),
    ...malformed.keys(),
  ]);
  return Promise.all(
    [...names].sort().map(async (worker): Promise<WorkerCounts> => {
      const here = said.filter(({ name, state }) => name === worker && state === 'alive');
      const use = said.find(({ name }) => name === worker)?.worker;
      const pause = pauseOf(control, worker);
      return {
        worker,
        processes: config.ops.enabled ? here.length : null,
        waiting: hasBroker(use) ? await part(waitingIn(config, worker, use)) : null,
        open: open.get(worker) ?? 0,
        running: config.ops.enabled ? here.reduce((sum, each) => sum + each.worker.calls, 0) : null,
        dead: (dead.get(worker) ?? 0) + (malformed.get(worker) ?? 0),
        perSecond: Math.round((settled.get(worker) ?? 0) / (WINDOW_MS / 10_000)) / 10,
        paused: pause === null ? null : { ...saidBy(pause), at: new Date(pause.at) },
      };
    }),
  );
}

const saidBy = ({ reason, by }: { reason: string; by: string }) => ({ reason, by });

/** What waits in a folder its collector alone sees, and what is left of a list its run. */
export const hasBroker = (use: Use | undefined): use is Use =>
  use !== undefined && use.from.broker !== 'folder' && use.from.broker !== 'url';

/** At the broker of its source. @throws what the broker throws; Error where that broker, or the queue, is not known here */
export async function waitingIn(
  config: Config,
  worker: string,
  { from: { broker, name, group = worker }, ofFile }: Pick<Use, 'from' | 'ofFile'>,
): Promise<number> {
  if (broker === 'kafka') {
    const { groupFacts } = await import('../broker/kafka/admin.ts');
    const { partitions } = await groupFacts(kafkaLink(config, worker), group, name);
    return partitions.reduce((sum, { lag }) => sum + lag, 0);
  }
  const queue = ofFile
    ? readQueues(undefined).find((each) => each.type === 'rabbitmq' && each.name === name)
    : null;
  if (queue === undefined)
    throw new Error(
      `The broker of "${name}" stands in queues.yaml of the process that runs it, which is not here: ask in the folder of that file`,
    );
  const from = { broker: 'rabbitmq', name } as const;
  const link = rabbitFor(config, { from, deadLetters: null, queue });
  const ready = await withRabbit(link, (rabbit) => countReady(rabbit, link.rabbit));
  if (ready === null)
    throw new Error(`${maskUrl(link.amqpUrl)} has no queue "${link.rabbit.intakeQueue}"`);
  return ready;
}
