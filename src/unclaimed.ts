/**
 * Runs that were ended before they had claimed what they brought: no claim tells of their registrations, only the input in
 * their history. They are found by visibility.
 */
import type { NewRegistration } from './domain/batch.ts';
import { claimKey } from './domain/names.ts';
import { isDead } from './domain/takeover.ts';
import type { SweepNeeds } from './sweep.ts';

export interface Unclaimed {
  workflowId: string;
  registrations: NewRegistration[];
}

/**
 * What ended runs brought and nobody has claimed. To start it again is harmless: the claim decides.
 * @throws what the client throws when Temporal does not answer
 */
export async function findUnclaimed(needs: Omit<SweepNeeds, 'start'>): Promise<Unclaimed[]> {
  const { config, endedRuns, runStates, broughtBy } = needs;
  // Of a run that began before the oldest claim that is kept nobody knows what was claimed.
  const since = new Date(Date.now() - config.mongodb.retention / 2);
  const ended = await endedRuns(since);
  const states = await runStates(ended);
  const found: Unclaimed[] = [];
  for (const workflowId of ended) {
    if (!isDead(states.get(workflowId) ?? 'running')) continue;
    const deliveries = (await broughtBy(workflowId)).filter(({ takes }) => takes === undefined);
    const registrations = await withoutClaim(needs, deliveries);
    if (registrations.length > 0) found.push({ workflowId, registrations });
  }
  return found;
}

async function withoutClaim(
  { store: { claims } }: Pick<SweepNeeds, 'store'>,
  deliveries: NewRegistration[],
): Promise<NewRegistration[]> {
  const wanted = ({ redrive }: NewRegistration) => (redrive === null ? 0 : redrive + 1);
  const held = await claims.find(deliveries.map((each) => claimKey(each.id, wanted(each))));
  const left: NewRegistration[] = [];
  for (const each of deliveries) {
    const isSame = (claim: { bodyHash: string }) => claim.bodyHash === each.bodyHash;
    const holder = held.get(claimKey(each.id, wanted(each)));
    if (holder !== undefined && isSame(holder)) continue;
    // A conflict, or a redrive that was none, stands under a key of its own.
    const others = await claims.ofRegistration(each.id);
    if (others.some((claim) => isSame(claim) && claim.generation >= wanted(each))) continue;
    left.push(each);
  }
  return left;
}
