/** Dead runs of any flow leave claims that nobody goes on with, and items that they never claimed: both are found here. */
import { isDead, type Brought, type RunLife } from '../domain/run-life.ts';

export interface Held {
  _id: string;
  workflowId: string;
  receivedAt: Date;
}

export interface Stranded<C extends Held> {
  claim: C;
  run: Exclude<RunLife, 'running'>;
}

interface Temporal {
  /** Workflow ids of open runs; may lag, since whoever is not among them is asked for. */
  openRuns: () => Promise<ReadonlySet<string>>;
  /** @throws what the client throws when Temporal does not answer: nothing is swept on a guess */
  runStates: (workflowIds: string[]) => Promise<Map<string, RunLife>>;
}

/**
 * Oldest first.
 * @param open claims that were open before Temporal is asked
 * @param stillOpen the workflow ids of those that are open still, by claim
 */
export async function strandedAmong<C extends Held>(
  open: () => Promise<C[]>,
  { openRuns, runStates }: Temporal,
  stillOpen: (keys: string[]) => Promise<ReadonlyMap<string, string>>,
): Promise<Stranded<C>[]> {
  const running = await openRuns();
  const suspects = (await open()).filter(({ workflowId: run }) => !running.has(run));
  const states = await runStates(suspects.map(({ workflowId: run }) => run));
  // Read after Temporal was asked: a run that ended in order had settled its claims by then.
  const left = await stillOpen(suspects.map(({ _id }) => _id));
  return suspects
    .flatMap((claim): Stranded<C>[] => {
      const run = states.get(claim.workflowId) ?? 'running';
      return isDead(run) && run !== 'running' && left.get(claim._id) === claim.workflowId
        ? [{ claim, run }]
        : [];
    })
    .sort((a, b) => a.claim.receivedAt.getTime() - b.claim.receivedAt.getTime());
}

interface Delivered {
  bodyHash: string;
  failedGeneration: number | null;
  takes?: string;
}

/** The workflow id under which what an ended run brought is started again: Temporal takes it once. */
export const againIdOf = (workflowId: string): string => `${workflowId}/again`;

/**
 * Ended runs, with what they may not have claimed. Each is started again once; what was claimed all the same is a duplicate
 * then.
 * @param ended workflow ids of runs that did not end in order; may lag
 * @param firstClaims the body hashes of the first claims of these, in their order
 * @throws what the client throws when Temporal does not answer
 */
export async function unclaimedOf<Item extends Delivered>(
  ended: readonly string[],
  runStates: Temporal['runStates'],
  broughtBy: (workflowId: string) => Promise<Brought<Item>>,
  firstClaims: (items: Item[]) => Promise<(string | undefined)[]>,
) {
  const states = await runStates(ended.flatMap((id) => [id, againIdOf(id)]));
  const unclaimed: { workflowId: string; items: Item[] }[] = [];
  /** Runs whose input nobody can read, by workflow id, and why. */
  const unreadable = new Map<string, string>();
  for (const workflowId of ended) {
    const isLeft =
      isDead(states.get(workflowId) ?? 'running') &&
      states.get(againIdOf(workflowId)) === 'unknown';
    if (!isLeft) continue;
    const brought = await broughtBy(workflowId);
    if (brought.unreadable !== undefined) {
      unreadable.set(workflowId, brought.unreadable);
      continue;
    }
    const delivered = brought.items.filter(({ takes }) => takes === undefined);
    const first = await firstClaims(delivered);
    const items = delivered.filter(
      ({ bodyHash, failedGeneration }, n) => failedGeneration !== null || first[n] !== bodyHash,
    );
    if (items.length > 0) unclaimed.push({ workflowId, items });
  }
  return { unclaimed, unreadable };
}
