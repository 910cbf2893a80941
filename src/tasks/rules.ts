/** A worker as it runs here: its definition, with what the settings fill in. Times in ms. */
import type { Config } from '../config/schema.ts';
import { prefetchOf, returnedQueueOf } from '../config/constants.ts';
import type { QueueSetting } from '../config/queues.ts';
import type { RetryRules, TaskRules } from '../domain/tasks.ts';
import type { Channel } from '../workers/call.ts';
import type { Gated } from '../config/endpoint.ts';
import type { Through } from '../outbound/deliver.ts';
import type { TaskClaim } from './claims.ts';
import type { Identify } from './delivery.ts';

export interface Running {
  name: string;
  from: Channel;
  /** As queues.yaml has it; null where the source is not there, and its broker is that of AMQP_URL. */
  queue: QueueSetting | null;
  /** Null: what fails for good stays in its claim. */
  deadLetters: Channel | null;
  /** Whether dead letters that may pass by themselves are redriven every ten minutes. */
  redrivesByItself: boolean;
  concurrency: number;
  timeoutMs: number;
  /** Whether handlers run in a process of their own. */
  isIsolated: boolean;
  /** Handlers of ours, which end no process. */
  isHarmless?: boolean;
  /** Where results are published. */
  to: Channel | null;
  retry: RetryRules;
  batch: { size: number; waitMs: number } | null;
  /** Whether tasks of one key are handled one after the other. */
  isOrdered: boolean;
  identify: Identify | null;
  /** Whether what becomes of its tasks is counted, and pushed as metrics (metric-push.ts). */
  isCounted?: boolean;
  /** Of a task that is done: whether it has had no effect, so that it is done once more where it comes again. */
  mayComeAgain?: (claim: TaskClaim) => boolean;
  /** Its source sees to it that no more are open than it can have: nobody counts them. */
  isBounded?: boolean;
  /** How long results are kept in Redis. */
  keep: { resultMs: number; failureMs: number };
  /** Of a worker whose handler sends to an HTTP endpoint: nothing is taken while that endpoint's gate is shut. */
  sends?: { endpoint: Gated; pass(gate: Through): void };
}

export const taskRulesOf = ({
  name,
  retry,
  isIsolated,
  isHarmless,
  isOrdered,
}: Running): TaskRules => ({
  worker: name,
  retry,
  pause: 1_000,
  // A lane is handed more at any time. Where that comes between two halves of a workflow task that a local attempt has outlasted, a
  // replay has them in another order, and the lane stands still (docs/decisions/0008-local-first.md).
  localFirst: !isOrdered,
  // A handler that ends this process would end each workflow task that tries it, and leave no trace.
  handlesLocally: isIsolated,
  ...(isHarmless === true ? { isHarmless } : {}),
  maxHistoryEvents: 2_000,
});

/** The settings with the broker and the queues of a worker. Its queue is perhaps another team's: it is taken as it is. */
export function rabbitFor(
  config: Config,
  {
    from,
    deadLetters,
    queue,
    isOrdered = false,
    batch = null,
  }: Pick<Running, 'from' | 'deadLetters' | 'queue'> &
    Partial<Pick<Running, 'isOrdered' | 'batch'>>,
): Config {
  const own = queue === null ? {} : { tls: queue.tls, heartbeat: queue.heartbeatMs };
  return {
    ...config,
    amqpUrl: queue?.url ?? config.amqpUrl,
    rabbit: {
      ...config.rabbit,
      ...own,
      intakeQueue: from.name,
      returnedQueue: returnedQueueOf(from.name),
      failureQueue: deadLetters?.name ?? `dlq_${from.name}`,
      existingQueues: 'adopt',
      isOrdered,
      prefetch: prefetchOf(Math.max(config.intake.batchSize, batch?.size ?? 0)),
    },
  };
}
