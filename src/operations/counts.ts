/** How many registrations are where, how fast it goes, and when it will be done. */
import { queueDepths, type QueueDepth } from '../broker/rabbitmq/queue-depths.ts';
import type { Config } from '../config/schema.ts';
import { legacyEndpoint } from '../config/endpoint.ts';
import { pauseOf, type Control } from '../coordination/control.ts';
import { listProcesses, type SeenProcess } from '../coordination/processes.ts';
import { clearIn } from '../domain/backlog.ts';
import { REGISTRATIONS } from '../domain/names.ts';
import { holdsOf } from '../intake/holds.ts';
import { part, type Part } from './part.ts';
import type { Reach } from './reach.ts';
import { settleRate } from './settle-rate.ts';
import { countClaims, type ClaimCounts } from './tally.ts';

type Depths = Record<string, QueueDepth | null>;

/** What could not be asked is not there, and never a zero. */
export interface Counts {
  progress: Progress | null;
  intake: IntakeFacts | null;
  queues: Part<Depths>;
  registrations: Part<ClaimCounts>;
  processes: SeenProcess[] | null;
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
      reach.store(async (store) => ({
        claims: await countClaims(store, config.legacy.timeout),
        perSecond: await settleRate(store),
        control: await store.control.read(),
        processes: await listProcesses(store.db),
      })),
    ),
  ]);
  if (!known.ok)
    return { progress: null, intake: null, queues, registrations: known, processes: null };
  const { claims, perSecond, control, processes } = known.value;
  return {
    progress: queues.ok ? progressOf(config, queues.value, claims, perSecond) : null,
    intake: intakeFacts(config, control),
    queues,
    registrations: { ok: true, value: claims },
    processes,
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
