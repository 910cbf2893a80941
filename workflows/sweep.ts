/** What the Schedule starts: one sweep for what dead runs have left (docs/decisions/0011-takeover.md). */
import { proxyActivities } from '@temporalio/workflow';
import type { SweepActivities } from '../activities/sweep.ts';
import { HEARTBEAT_TIMEOUT_MS, START_TO_CLOSE_MS } from '../src/domain/timing.ts';

const activities = proxyActivities<SweepActivities>({
  startToCloseTimeout: START_TO_CLOSE_MS,
  heartbeatTimeout: HEARTBEAT_TIMEOUT_MS,
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1m' },
});

/** Returns how many registrations were stranded, and the runs that were started for them. */
export function sweep(): ReturnType<SweepActivities['sweep']> {
  return activities.sweep();
}
