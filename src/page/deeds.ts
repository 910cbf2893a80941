/** What operators did, as it is told: the actions, the redrives and audits among them. */
import type { ActionDocument, ActionProgress } from '../coordination/actions.ts';
import type { SeenProcess } from '../coordination/processes.ts';
import { isGoodEnd } from '../domain/redrive-order.ts';
import { REGISTRATIONS } from '../domain/names.ts';
import { canRedrive } from '../operations/redrive.ts';
import { workerOfRedrive } from '../operations/redrive-notes.ts';
import type { action, auditRun, operation } from './action-views.ts';
import type { Made } from './kinds.ts';

/** An audit of a process that was killed never ends. */
const LONGEST_AUDIT_MS = 60 * 60_000;

export const actionOf = ({ _id, via, role, ...each }: ActionDocument): Made<typeof action> => ({
  ...each,
  id: _id,
  via: via ?? 'cli',
  role: role ?? null,
});

export function operationOf(
  document: ActionDocument,
  processes: readonly SeenProcess[],
): Made<typeof operation> {
  const worker = workerOfRedrive(document.what);
  const alive = processes.filter(({ state }) => state === 'alive');
  const { progress, result, order } = document;
  const canaries = progress?.canaries ?? null;
  return {
    ...actionOf(document),
    flow: worker ?? REGISTRATIONS,
    state: result === null ? 'running' : 'ended',
    isWorkerAlive: canRedrive(alive, worker),
    sent: progress?.sent ?? 0,
    canaries,
    isStoppedByCanaries: result !== null && canaries !== null && !areWell(canaries),
    order: order ?? null,
  };
}

const areWell = ({ of, outcomes }: NonNullable<ActionProgress['canaries']>): boolean =>
  Object.entries(outcomes).reduce((sum, [as, count]) => sum + (isGoodEnd(as) ? count : 0), 0) ===
  of;

export const auditOf = (document: ActionDocument): Made<typeof auditRun> => ({
  ...actionOf(document),
  flow: document.on ?? REGISTRATIONS,
  isRunning: document.result === null && Date.now() - document.at.getTime() < LONGEST_AUDIT_MS,
  report: document.report ?? null,
});
