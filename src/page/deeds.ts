/** What operators did, as it is told: the actions, the redrives and audits among them. */
import type { ActionDocument } from '../coordination/actions.ts';
import type { SeenProcess } from '../coordination/processes.ts';
import { REGISTRATIONS } from '../domain/names.ts';
import { canRedrive, type SeenRedrive } from '../operations/redrive.ts';
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
  { document, unasked }: SeenRedrive,
  processes: readonly SeenProcess[],
): Made<typeof operation> {
  const worker = workerOfRedrive(document.what);
  const alive = processes.filter(({ state }) => state === 'alive');
  const { progress, result, order } = document;
  return {
    ...actionOf(document),
    flow: worker ?? REGISTRATIONS,
    state: result !== null ? 'ended' : unasked === null ? 'running' : 'unknown',
    unasked,
    isWorkerAlive: canRedrive(alive, worker),
    sent: progress?.sent ?? 0,
    canaries: progress?.canaries ?? null,
    isStoppedByCanaries: result?.isStoppedByCanaries === true,
    order: order ?? null,
  };
}

export const auditOf = (document: ActionDocument): Made<typeof auditRun> => ({
  ...actionOf(document),
  flow: document.on ?? REGISTRATIONS,
  isRunning: document.result === null && Date.now() - document.at.getTime() < LONGEST_AUDIT_MS,
  report: document.report ?? null,
});
