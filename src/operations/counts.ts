/** How many registrations are where, how fast it goes, and when it will be done. */
import { queueDepths, type QueueDepth } from '../broker/rabbitmq/queues.ts';
import type { Config } from '../config/schema.ts';
import { legacyEndpoint } from '../config/endpoint.ts';
import { pauseOf, type Control } from '../coordination/control.ts';
import { listProcesses, type SeenProcess } from '../coordination/processes.ts';
import { clearIn } from '../domain/backlog.ts';
import { REGISTRATIONS } from '../domain/names.ts';
import { holdsOf } from '../intake/holds.ts';
import { findDoubts } from '../registrations/doubts.ts';
import type { OutcomeKind } from '../domain/registrations/outcome.ts';
import type { Store } from '../registrations/store.ts';
import { part, type Part, type Reach } from './reach.ts';
import { readWorkers, type WorkerCounts } from './worker-counts.ts';

type Depths = Record<string, QueueDepth | null>;

/** What could not be asked is not there, and never a zero. */
export interface Counts {
  progress: Progress | null;
  intake: IntakeFacts | null;
  queues: Part<Depths>;
  registrations: Part<ClaimCounts>;
  processes: SeenProcess[] | null;
  /** Null where MongoDB cannot be asked. */
  workers: WorkerCounts[] | null;
}

/** Never throws: each part says whether it could be asked. */
export async function readCounts(
  config: Config,
  reach: Pick<Reach, 'store' | 'rabbit'>,
): Promise<Counts> {
  const { intakeQueue, returnedQueue, failureQueue } = config.rabbit;
  const [queues, known] = await Promise.all([
    part(reach.rabbit((rabbit) => queueDepths(rabbit, [intakeQueue, returnedQueue, failureQueue]))),
    part(
      reach.store(async (store) => {
        const control = await store.control.read();
        const processes = await listProcesses(store.own);
        return {
          claims: await countClaims(store, config.legacy.timeout),
          perSecond: await settleRate(store),
          ...{ control, processes },
          workers: await readWorkers(config, store.own, control, processes, store.clock.now()),
        };
      }),
    ),
  ]);
  if (!known.ok)
    return {
      ...{ progress: null, intake: null, queues, registrations: known },
      ...{ processes: null, workers: null },
    };
  const { claims, perSecond, control, processes, workers } = known.value;
  return {
    // A queue that does not exist has no zero messages.
    progress:
      queues.ok && queues.value[intakeQueue] !== null
        ? progressOf(config, queues.value, claims, perSecond)
        : null,
    intake: intakeFacts(config, control),
    queues,
    registrations: { ok: true, value: claims },
    processes,
    workers,
  };
}

export type Progress = ReturnType<typeof progressOf>;

/** `clearInSeconds`: at this rate, if nothing more comes; null when nothing was settled of late. */
function progressOf(
  { rabbit }: Config,
  queues: Depths,
  { open, inDoubt, settled }: ClaimCounts,
  perSecond: number,
) {
  const ready = (queue: string) => queues[queue]?.messages ?? 0;
  const waiting = ready(rabbit.intakeQueue) + ready(rabbit.returnedQueue);
  const inFlight = Math.max(0, open - inDoubt);
  const failed = Object.entries(settled)
    .filter(([kind]) => kind !== 'registered')
    .reduce((sum, [, count]) => sum + count, 0);
  const seconds = clearIn({ waiting, inFlight, perSecond });
  return {
    waiting,
    inFlight,
    inDoubt,
    failed,
    perSecond: Math.round(perSecond * 10) / 10,
    clearInSeconds: seconds === null ? null : Math.ceil(seconds),
  };
}

export type IntakeFacts = ReturnType<typeof intakeFacts>;

/** What keeps intakes from taking anything, as far as all processes know it. */
function intakeFacts(config: Config, control: Control) {
  const pause = pauseOf(control, REGISTRATIONS);
  return {
    paused: pause === null ? null : { reason: pause.reason, by: pause.by, at: new Date(pause.at) },
    closedBy: holdsOf(control, REGISTRATIONS, legacyEndpoint(config)),
  };
}

export type ClaimCounts = Awaited<ReturnType<typeof countClaims>>;

/**
 * `open`: claimed and not settled, those in doubt among them. `settled`: each claim counts, and a registration that was redriven
 * has one for each time. `setAside`: outcomes that can never reach their destination.
 */
async function countClaims(store: Store, legacyTimeoutMs: number) {
  const { collection } = store.claims;
  const setAside = await store.setAside.count();
  const unsettled = await collection.countDocuments({ settledAt: null });
  const counted = await collection
    .aggregate<{ _id: OutcomeKind; count: number }>([
      { $match: { settledAt: { $ne: null } } },
      { $group: { _id: '$outcome.kind', count: { $sum: 1 } } },
      { $sort: { _id: 1 } },
    ])
    .toArray();
  const settled: Partial<Record<OutcomeKind, number>> = Object.fromEntries(
    counted.map(({ _id, count }) => [_id, count]),
  );
  const doubts = await findDoubts(store, legacyTimeoutMs);
  // What was set aside keeps its claim unsettled.
  const open = Math.max(0, unsettled - setAside);
  return { open, inDoubt: doubts.length, settled, setAside };
}

const WINDOW_MS = 60_000;
/** A second's worth of settlements is no rate yet. */
const LEAST_MS = 5_000;

/** Registrations settled a second, over the last minute or since the first of them. */
export async function settleRate({ claims: { collection }, clock }: Store): Promise<number> {
  const now = clock.now();
  const recent = { settledAt: { $gte: new Date(now - WINDOW_MS) } };
  const [count, first] = await Promise.all([
    collection.countDocuments(recent),
    collection.findOne(recent, { sort: { settledAt: 1 }, projection: { settledAt: 1 } }),
  ]);
  const since = first?.settledAt?.getTime() ?? now;
  return (count * 1000) / Math.max(now - since, LEAST_MS);
}
