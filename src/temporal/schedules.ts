/** The Schedule in Temporal that sweeps: made, brought up to date or removed by every worker at its start. */
import {
  ScheduleAlreadyRunning,
  ScheduleNotFoundError,
  ScheduleOverlapPolicy,
  type Client,
} from '@temporalio/client';
import type { Config } from '../config/schema.ts';
import { SWEEP_TYPE, sweepScheduleId } from '../domain/names.ts';

/** Idempotent. @throws what the client throws when Temporal does not answer or does not let us */
export async function scheduleSweeps(
  client: Client,
  { sweeper, temporal: { taskQueue } }: Config,
): Promise<void> {
  const scheduleId = sweepScheduleId(taskQueue);
  const handle = client.schedule.getHandle(scheduleId);
  if (!sweeper.enabled) {
    await handle.delete().catch((error: unknown) => {
      if (!(error instanceof ScheduleNotFoundError)) throw error;
    });
    return;
  }
  const start = {
    type: 'startWorkflow',
    workflowType: SWEEP_TYPE,
    workflowId: scheduleId,
  } as const;
  // Nothing in it is encrypted, such as a summary: to update it is to read it, and the key that it was made with may be gone.
  const wanted = {
    spec: { intervals: [{ every: sweeper.every }] },
    action: { ...start, taskQueue },
    // While no worker is there one sweep waits; more of them would find the same.
    policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: '1m' as const },
  };
  try {
    await client.schedule.create({ scheduleId, ...wanted });
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    // A pause that somebody has set in Temporal Web stays.
    await handle.update(({ state }) => ({ ...wanted, state }));
  }
}
