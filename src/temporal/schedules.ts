/**
 * The Schedule in Temporal that sweeps: made, brought up to date or removed by every worker at its start. Its action is named after
 * the place of the claims: it is what all processes of a task queue share besides MongoDB, and nothing in it is encrypted.
 */
import {
  ScheduleAlreadyRunning,
  ScheduleNotFoundError,
  ScheduleOverlapPolicy,
  type Client,
  type ScheduleDescription,
} from '@temporalio/client';
import { ownDatabaseOf } from '../config/mongodb.ts';
import type { Config } from '../config/schema.ts';
import { SWEEP_TYPE, sweepScheduleId } from '../domain/names.ts';

type Placed = Pick<Config, 'sweeper' | 'temporal' | 'mongodb' | 'mongodbUri'>;

/** Another process of this task queue keeps its claims elsewhere. */
export class OtherClaims extends Error {
  override readonly name = 'OtherClaims';
}

const placeOf = (config: Placed): string => `${ownDatabaseOf(config)}/${config.mongodb.ownPrefix}`;

/**
 * Processes that differ in the place of their claims would file a registration once each. A Schedule that is not there says nothing.
 * @throws OtherClaims with the remedy, or what the client throws
 */
export async function requireSameClaims(client: Client, config: Placed): Promise<void> {
  const scheduleId = sweepScheduleId(config.temporal.taskQueue);
  try {
    refuseOther(await client.schedule.getHandle(scheduleId).describe(), config);
  } catch (error) {
    if (!(error instanceof ScheduleNotFoundError)) throw error;
  }
}

function refuseOther(
  { scheduleId, action }: Pick<ScheduleDescription, 'scheduleId' | 'action'>,
  config: Placed,
): void {
  const before = `${scheduleId}@`;
  if (action.workflowId?.startsWith(before) !== true) return;
  const place = action.workflowId.slice(before.length);
  if (place === placeOf(config)) return;
  throw new OtherClaims(
    `The claims of the task queue "${config.temporal.taskQueue}" are kept in ${place}, and mongodb.database, mongodb.ownDatabase and mongodb.ownPrefix say ${placeOf(config)} here: what comes again would be filed a second time. Give every process the same. If those claims are to be forgotten, stop all workers and intakes, and run: temporal schedule delete --schedule-id ${scheduleId}`,
  );
}

/** Idempotent. @throws OtherClaims; what the client throws when Temporal does not answer or does not let us */
export async function scheduleSweeps(client: Client, config: Placed): Promise<void> {
  const {
    sweeper,
    temporal: { taskQueue },
  } = config;
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
    workflowId: `${scheduleId}@${placeOf(config)}`,
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
    await handle.update((there) => {
      refuseOther(there, config);
      return { ...wanted, state: there.state };
    });
  }
}
