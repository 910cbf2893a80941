/**
 * Schedules in Temporal that run lists. What they run stands in MongoDB: an argument is encrypted for one run alone, and these start
 * many. A pause that somebody sets in Temporal Web stays.
 */
import { ScheduleNotFoundError, ScheduleOverlapPolicy, type Client } from '@temporalio/client';
import { etlQueue, etlScheduleId, type EtlWhen } from '../domain/etl-order.ts';
import { ETL_TYPE } from '../domain/names.ts';

/** @throws what the client throws */
export async function addEtlSchedule(
  client: Client,
  taskQueue: string,
  { name, host, when }: { name: string; host: string; when: EtlWhen },
): Promise<void> {
  const scheduleId = etlScheduleId(taskQueue, name);
  await client.schedule.create({
    scheduleId,
    spec:
      'cron' in when
        ? { cronExpressions: [when.cron], timezone: when.timeZone }
        : { intervals: [{ every: when.everyMs }] },
    action: {
      type: 'startWorkflow',
      workflowType: ETL_TYPE,
      workflowId: scheduleId,
      taskQueue: etlQueue(taskQueue, host),
    },
    // A run that takes longer than its interval is not joined by another one.
    policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: '1h' },
  });
}

/** Null where there is none. */
export async function describeEtlSchedule(client: Client, taskQueue: string, name: string) {
  try {
    const { state, info } = await client.schedule
      .getHandle(etlScheduleId(taskQueue, name))
      .describe();
    return {
      isPaused: state.paused,
      lastAt: info.recentActions.at(-1)?.takenAt ?? null,
      nextAt: info.nextActionTimes[0] ?? null,
    };
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return null;
    throw error;
  }
}

/** Where there is none nothing happens. */
export async function removeEtlSchedule(
  client: Client,
  taskQueue: string,
  name: string,
): Promise<void> {
  const handle = client.schedule.getHandle(etlScheduleId(taskQueue, name));
  await handle.delete().catch((error: unknown) => {
    if (!(error instanceof ScheduleNotFoundError)) throw error;
  });
}
