/** One sweep, as the Schedule has it done. */
import type { Swept } from '../src/sweep.ts';
import { withHeartbeat } from './heartbeat.ts';

export type SweepActivities = ReturnType<typeof createSweep>;

export const createSweep = (sweep: () => Promise<Swept>) => ({
  sweep: (): Promise<Swept> => withHeartbeat(sweep),
});
