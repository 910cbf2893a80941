/** One sweep, started by the Schedule (docs/decisions/0011-takeover.md). */
import { proxyActivities } from '@temporalio/workflow';
import type { SweepActivities } from '../../activities/registrations/sweep.ts';
import { HEARTBEAT_TIMEOUT_MS, START_TO_CLOSE_MS } from '../../src/domain/timing.ts';

const activities = proxyActivities<SweepActivities>({
  startToCloseTimeout: START_TO_CLOSE_MS,
  heartbeatTimeout: HEARTBEAT_TIMEOUT_MS,
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1m' },
});

export function sweep(): ReturnType<SweepActivities['sweep']> {
  return activities.sweep();
}
