/** What became of a task, from its claims. */
import type { Config } from '../config/schema.ts';
import { openDatabase } from '../mongo/own-database.ts';
import { openTaskClaims, type TaskClaim } from '../tasks/claims.ts';

export interface TaskStory {
  worker: string;
  id: string;
  state: 'open' | 'done' | 'failed';
  /** `done`, or how it failed. */
  outcome: string | null;
  /** How often it was redriven. */
  generation: number;
  attempts: number;
  /** Of the last attempt that failed. */
  error: { class: string; reason: string; at: Date } | null;
  /** What the handler returned; absent where that was nothing, or it is not done. */
  result?: unknown;
  receivedAt: Date;
  settledAt: Date | null;
}

/**
 * @param until decides, by what it sees, when the answer is good enough
 * @throws Error that names the address of MongoDB when it cannot be reached
 */
export async function resultOf(
  config: Config,
  worker: string,
  id: string,
  until: (look: () => Promise<TaskStory | null>) => Promise<TaskStory | null>,
): Promise<TaskStory | null> {
  const mongo = await openDatabase(config, 'reader');
  const claims = openTaskClaims(mongo.own);
  const look = async (): Promise<TaskStory | null> => {
    const claim = await claims.latest(`${worker}/${id}`);
    return claim === null ? null : storyOf(claim, id);
  };
  return until(look).finally(() => mongo.close());
}

function storyOf(claim: TaskClaim, id: string): TaskStory {
  const { worker, generation, attempts, error, outcome, result, receivedAt, settledAt } = claim;
  const value: unknown = typeof result === 'string' ? JSON.parse(result) : undefined;
  return {
    ...{ worker, id, generation, attempts, receivedAt, settledAt, error },
    outcome: outcome?.kind ?? null,
    state: settledAt === null ? 'open' : outcome?.kind === 'done' ? 'done' : 'failed',
    ...(value === undefined ? {} : { result: value }),
  };
}
