/** What of a collected folder is where, and why: what its collector has seen last, and what the claims of its files say. */
import { hostname } from 'node:os';
import { readFolders, type FolderSetting } from '../config/folders.ts';
import type { Config } from '../config/schema.ts';
import { pauseOf, type Control } from '../coordination/control.ts';
import { readStatus, type FolderStatus } from '../folders/status.ts';
import { hostQueue } from '../domain/folders.ts';
import { OWN, type OwnDatabase } from '../mongo/collections.ts';
import { labelOf } from '../intake/label.ts';
import { idOf } from '../tasks/call-of.ts';
import type { TaskClaim } from '../tasks/claims.ts';
import { taskFailures } from './task-failures.ts';
import { countWaiting } from './stored-failures.ts';

export interface FolderState {
  name: string;
  path: string;
  /** What the collector has seen at its last look; null where none has looked at it yet. */
  seen: FolderStatus | null;
  /** Whether a collector looks at it now. */
  isCollected: boolean;
  /** Why nothing is taken, in words. */
  closedBy: string | null;
  paused: { reason: string; by: string } | null;
  /** Claimed, and not ended. */
  open: number;
  /** Of those, the ones that wait for another try, by reason. */
  again: { class: string; reason: string; count: number; since: Date }[];
  /** The longest open. */
  oldest: { id: string; attempts: number; since: Date }[];
  /** Refused or given up, and neither redriven nor dropped. */
  failed: number;
}

const OLDEST = 5;
/** Looks that a collector may have missed before it counts as gone. */
const MISSED = 5;
const LATE_MS = 10_000;

/** @throws what MongoDB throws */
export async function folderState(
  config: Config,
  own: OwnDatabase,
  control: Control,
  { name, path, every }: FolderSetting,
): Promise<FolderState> {
  const claims = own.collection<TaskClaim>(OWN.taskClaims);
  const open = { worker: name, settledAt: null };
  const [seen, count, again, oldest, failed] = await Promise.all([
    readStatus(path),
    claims.countDocuments(open),
    claims
      .aggregate<FolderState['again'][number]>([
        { $match: { ...open, error: { $ne: null } } },
        {
          $group: {
            _id: { class: '$error.class', reason: '$error.reason' },
            count: { $sum: 1 },
            since: { $min: '$receivedAt' },
          },
        },
        { $sort: { count: -1 } },
        { $project: { _id: 0, class: '$_id.class', reason: '$_id.reason', count: 1, since: 1 } },
      ])
      .toArray(),
    claims
      .find(open)
      .sort({ receivedAt: 1 })
      .limit(OLDEST)
      .project<Pick<TaskClaim, 'worker' | 'item' | 'attempts' | 'receivedAt'>>({
        ...{ worker: 1, item: 1, attempts: 1, receivedAt: 1 },
      })
      .toArray(),
    countWaiting(taskFailures(config, own, name)),
  ]);
  const pause = pauseOf(control, name);
  const source = control.processes
    .filter(({ state }) => state === 'alive')
    .flatMap(({ sources }) => sources.filter((each) => each.name === name))[0];
  return {
    ...{ name, path, seen, open: count, again, failed },
    isCollected:
      seen !== null &&
      Date.now() - seen.at.getTime() < MISSED * Math.max(every, seen.tookMs) + LATE_MS,
    closedBy: source?.closedBy ?? null,
    paused: pause === null ? null : { reason: pause.reason, by: pause.by },
    oldest: oldest.map((claim) => ({
      id: labelOf(idOf(claim), config),
      attempts: claim.attempts,
      since: claim.receivedAt,
    })),
  };
}

/** The settings by which a worker's runs are reached: those of a folder are bound to the machine that has it. */
export function reachOfWorker(config: Config, control: Control, worker: string | null): Config {
  const told = control.processes.find(({ sources }) =>
    sources.some(({ name, worker: use }) => name === worker && use?.from.broker === 'folder'),
  );
  const isHere = () => readFolders(undefined)?.folders.some(({ name }) => name === worker) === true;
  const host = config.ops.enabled ? told?.host : isHere() ? hostname() : undefined;
  if (host === undefined) return config;
  const taskQueue = hostQueue(config.temporal.taskQueue, host);
  return { ...config, temporal: { ...config.temporal, taskQueue } };
}
