/** A run over a list that is due by a schedule: on the machine that has its files, where "despachante etl serve" runs. */
import { proxyActivities } from '@temporalio/workflow';
import type { EtlActivities } from '../../activities/operations/etl.ts';
import type { EtlEnded } from '../../src/domain/etl-order.ts';
import { HANDLED_MS } from '../../src/domain/timing.ts';
import { HEARTBEATING } from '../run.ts';

/** A process that is gone, or was stopped, is waited for: the next one goes on with the run. */
const activities = proxyActivities<EtlActivities>({
  ...HEARTBEATING,
  startToCloseTimeout: HANDLED_MS,
  retry: { initialInterval: '5s', backoffCoefficient: 2, maximumInterval: '5m' },
});

export const etl = (): Promise<EtlEnded> => activities.runEtl();
