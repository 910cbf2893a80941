import type { ScheduleHandle } from '@temporalio/client';
import { sweepScheduleId } from '../../src/domain/names.ts';
import { atEnd } from './servers.ts';
import type { Ending } from './servers.ts';
import type { System } from './system.ts';

/** The Schedule by which the workers of a system have it swept; gone with the test, if it is there at all. */
export function sweepScheduleOf(
  t: Ending,
  { client, config }: Pick<System, 'client' | 'config'>,
): ScheduleHandle {
  const schedule = client.schedule.getHandle(sweepScheduleId(config.temporal.taskQueue));
  atEnd(t, () => schedule.delete().catch(() => {}));
  return schedule;
}
