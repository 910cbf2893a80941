import type { Swept } from '../../src/registrations/sweep.ts';
import { withHeartbeat } from '../heartbeat.ts';

export type SweepActivities = ReturnType<typeof createSweep>;

/** What a sweep came to; `late`: registrations that had timed out and were finished later. */
export type SweptAll = Swept & { late: number };

export const createSweep = (sweep: () => Promise<SweptAll>) => ({
  sweep: (): Promise<SweptAll> => withHeartbeat(sweep),
});
