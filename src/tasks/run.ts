/** Runs of tasks; and tasks that have a claim already: redriven ones, and those that a dead run has left. */
import { randomUUID } from 'node:crypto';
import { messageOf } from '../claims/claims.ts';
import type { Config } from '../config/schema.ts';
import { TASKS_TYPE, workerQueue, workflowId } from '../domain/names.ts';
import type { NewTask } from '../domain/tasks.ts';
import { labelOf } from '../intake/label.ts';
import type { NewRun } from '../temporal/client.ts';
import { idOf } from './call-of.ts';
import { chainOf } from './delivery.ts';
import type { TaskClaim } from './claims.ts';
import { taskRulesOf, type Running } from './rules.ts';

export const taskRun = (
  config: Config,
  worker: Running,
  workflowId: string,
  items: NewTask[],
): NewRun => ({
  type: TASKS_TYPE,
  workflowId,
  taskQueue: workerQueue(config.temporal.taskQueue, worker.name),
  input: { rules: taskRulesOf(worker), items, carried: null },
  labels: items.map(({ label }) => label),
  nouns: [`task of ${worker.name}`, `tasks of ${worker.name}`],
});

/** A new workflow id for these; `why` where they do not come from intake. */
export const nameOfRun = (worker: string, items: readonly NewTask[], why = ''): string =>
  workflowId(
    `tasks/${worker}`,
    items.map(({ label }) => label),
    why + randomUUID().slice(0, 13),
  );

const known = (
  { worker, item, bodyHash, key, origin }: Known,
  config: Config,
  { isOrdered }: Order,
) => {
  const id = idOf({ worker, item });
  return { id, label: labelOf(id, config), bodyHash, key, origin, ...chainOf(key, isOrdered) };
};

type Known = Pick<TaskClaim, 'worker' | 'item' | 'bodyHash' | 'key' | 'origin'>;
/** Whether the worker keeps the order of keys now. */
type Order = Pick<Running, 'isOrdered'>;

/** The next generation of a failure; null where its message is gone. */
export function redrivenTask(claim: TaskClaim, config: Config, worker: Order): NewTask | null {
  const body = messageOf(claim);
  if (body === null || claim.message === null) return null;
  return {
    ...known(claim, config, worker),
    message: { body: body.toString('base64'), properties: claim.message.properties },
    ...{ receivedAt: Date.now(), failedGeneration: claim.generation, token: claim.token },
  };
}

/** A task that a dead run has left is taken up by its claim: the message stays there. */
export const leftTask = (
  claim: Known & Pick<TaskClaim, '_id' | 'receivedAt' | 'notBefore'>,
  config: Config,
  worker: Order,
): NewTask => ({
  ...known(claim, config, worker),
  message: { body: '', properties: '' },
  ...{ receivedAt: claim.receivedAt.getTime(), failedGeneration: null, takes: claim._id },
  ...(claim.notBefore === undefined ? {} : { notBefore: claim.notBefore.getTime() }),
});
