/**
 * Runs that were ended before they had claimed what they brought: no claim tells of their registrations, only the input in
 * their history. They are found by visibility.
 */
import type { NewRegistration } from '../domain/registrations/item.ts';
import { admit, isDuplicate } from '../domain/registrations/admission.ts';
import { claimKey } from '../domain/names.ts';
import { isDead } from '../domain/registrations/takeover.ts';
import type { Claim } from '../claims/claims.ts';
import type { Config } from '../config/schema.ts';
import type { Store } from './store.ts';
import type { RunLife } from '../domain/registrations/takeover.ts';
import type { Brought } from '../temporal/runs.ts';
import type { RunInput } from '../domain/registrations/run-input.ts';
import type { StartResult } from '../temporal/client.ts';

export interface SweepNeeds {
  config: Config;
  store: Pick<Store, 'claims' | 'unroutable' | 'clock'>;
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

export interface FoundUnclaimed {
  unclaimed: Unclaimed[];
  /** Runs whose input nobody can read, by workflow id, and why. */
  unreadable: Map<string, string>;
}

/**
 * What ended runs brought and nobody has claimed. To start it again is harmless: the claim decides.
 * @throws what the client throws when Temporal does not answer
 */
export async function findUnclaimed(needs: Omit<SweepNeeds, 'start'>): Promise<FoundUnclaimed> {
  const { config, endedRuns, runStates, broughtBy } = needs;
  // Of a run that began before the oldest claim that is kept nobody knows what was claimed.
  const since = new Date(Date.now() - config.mongodb.retention / 2);
  const ended = await endedRuns(since);
  const states = await runStates(ended);
  const unclaimed: Unclaimed[] = [];
  const unreadable = new Map<string, string>();
  for (const workflowId of ended) {
    if (!isDead(states.get(workflowId) ?? 'running')) continue;
    const brought = await broughtBy(workflowId);
    if ('unreadable' in brought) {
      unreadable.set(workflowId, brought.unreadable);
      continue;
    }
    const deliveries = brought.registrations.filter(({ takes }) => takes === undefined);
    const registrations = await withoutClaim(needs, deliveries);
    if (registrations.length > 0) unclaimed.push({ workflowId, registrations });
  }
  return { unclaimed, unreadable };
}

async function withoutClaim(
  { store: { claims } }: Pick<SweepNeeds, 'store'>,
  deliveries: NewRegistration[],
): Promise<NewRegistration[]> {
  const left: NewRegistration[] = [];
  const first = await claims.find(deliveries.map(({ id }) => claimKey(id, 0)));
  for (const each of deliveries) {
    // Nearly always there is one, of the same bytes, and it is no redrive.
    const isFirst = first.get(claimKey(each.id, 0))?.bodyHash === each.bodyHash;
    if (isFirst && each.redrive === null) continue;
    const all = await claims.ofRegistration(each.id);
    // Of one that cannot be read nobody knows whether it is claimed: a person sees to it.
    if (claims.sound(all).length < all.length) continue;
    if (!isKnown(each, all)) left.push(each);
  }
  return left;
}

/** Whether a delivery has a claim, or would be dropped as a duplicate. */
const isKnown = (delivery: NewRegistration, all: Claim[]): boolean =>
  // A claim bears the time of the delivery it was made for, or taken up again for.
  all.some(
    ({ bodyHash, receivedAt }) =>
      bodyHash === delivery.bodyHash && receivedAt.getTime() >= delivery.receivedAt,
  ) || isDuplicate(delivery, admit(delivery, all), all);
