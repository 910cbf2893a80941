/** What the Schedule starts: one sweep for what dead runs have left (docs/decisions/0011-takeover.md). */
import { proxyActivities } from '@temporalio/workflow';
import type { SweepActivities } from '../activities/sweep.ts';

const activities = proxyActivities<SweepActivities>({
  startToCloseTimeout: '10m',
  heartbeatTimeout: '8s',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1m' },
});

/** Returns how many registrations were stranded, and the runs that were started for them. */
export function sweep(): ReturnType<SweepActivities['sweep']> {
  return activities.sweep();
}
