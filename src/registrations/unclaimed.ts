/** Runs that were ended before they had claimed what they brought: only their input tells of it. Found by visibility. */
import type { NewRegistration } from '../domain/registrations/item.ts';
import { claimKey } from '../domain/names.ts';
import { isDead, type RunLife } from '../domain/run-life.ts';
import type { Config } from '../config/schema.ts';
import type { Store } from './store.ts';
import type { Brought } from '../temporal/runs.ts';
import type { RunInput } from '../domain/registrations/run-input.ts';
import type { StartResult } from '../temporal/client.ts';

export interface SweepNeeds {
  config: Config;
  store: Pick<Store, 'claims' | 'setAside' | 'clock'>;
  /** Workflow ids of open runs; may lag, since whoever is not among them is asked for. */
  openRuns: () => Promise<ReadonlySet<string>>;
  runStates: (workflowIds: string[]) => Promise<Map<string, RunLife>>;
  /** Workflow ids of runs that did not end in order and began since then; may lag. */
  endedRuns: (since: Date) => Promise<string[]>;
  /** What a run brought and, as far as its input tells, had not claimed. */
  broughtBy: (workflowId: string) => Promise<Brought>;
  start: (workflowId: string, input: RunInput) => Promise<StartResult>;
}

export interface Unclaimed {
  workflowId: string;
  registrations: NewRegistration[];
}

/** The workflow id under which what an ended run brought is started again: Temporal takes it once. */
export const againIdOf = (workflowId: string): string => `${workflowId}/again`;

/**
 * Ended runs, with what they may not have claimed. Each is started again once; what was claimed all the same is a duplicate
 * then.
 * @throws what the client throws when Temporal does not answer
 */
export async function findUnclaimed(needs: Omit<SweepNeeds, 'start'>) {
  const { config, store, endedRuns, runStates, broughtBy } = needs;
  // The claims of older runs may have expired.
  const since = new Date(Date.now() - config.mongodb.retention / 2);
  const ended = await endedRuns(since);
  const states = await runStates(ended.flatMap((id) => [id, againIdOf(id)]));
  const unclaimed: Unclaimed[] = [];
  /** Runs whose input nobody can read, by workflow id, and why. */
  const unreadable = new Map<string, string>();
  for (const workflowId of ended) {
    const isLeft =
      isDead(states.get(workflowId) ?? 'running') &&
      states.get(againIdOf(workflowId)) === 'unknown';
    if (!isLeft) continue;
    const brought = await broughtBy(workflowId);
    if ('unreadable' in brought) {
      unreadable.set(workflowId, brought.unreadable);
      continue;
    }
    const deliveries = brought.registrations.filter(({ takes }) => takes === undefined);
    const first = await store.claims.find(deliveries.map(({ id }) => claimKey(id, 0)));
    const registrations = deliveries.filter(
      ({ id, bodyHash, failedGeneration: redrive }) =>
        redrive !== null || first.get(claimKey(id, 0))?.bodyHash !== bodyHash,
    );
    if (registrations.length > 0) unclaimed.push({ workflowId, registrations });
  }
  return { unclaimed, unreadable };
}
