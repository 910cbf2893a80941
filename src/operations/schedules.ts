/** What Temporal starts by itself for this task queue: when it did, and when it will. */
import type { Client } from '@temporalio/client';
import { ScheduleNotFoundError } from '@temporalio/client';
import type { Config } from '../config/schema.ts';
import { sweepScheduleId } from '../domain/names.ts';

export interface ScheduleFacts {
  id: string;
  isPaused: boolean;
  note: string;
  lastAt: Date | null;
  nextAt: Date | null;
  /** Starts that Temporal missed, and did not make up for. */
  missed: number;
}

/** @throws what the client throws */
export async function readSchedules(
  client: Client,
  { temporal }: Config,
): Promise<ScheduleFacts[]> {
  const id = sweepScheduleId(temporal.taskQueue);
  try {
    const { state, info } = await client.schedule.getHandle(id).describe();
    const { recentActions, nextActionTimes, numActionsMissedCatchupWindow: missed } = info;
    return [
      {
        ...{ id, isPaused: state.paused, note: state.note ?? '', missed },
        lastAt: recentActions.at(-1)?.takenAt ?? null,
        nextAt: nextActionTimes[0] ?? null,
      },
    ];
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return [];
    throw error;
  }
}
