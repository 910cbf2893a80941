// What is kept for operators, and for how long. Numbers and names are those of the task framework that the users come from.
import { z } from 'zod';
import { flag, whole } from './values.ts';

export const ops = z.strictObject({
  enabled: flag().prefault(true),
  taskPersist: flag().prefault(true),
  taskRetentionDays: whole(1, 3_650).prefault(30),
  workerHeartbeatInterval: whole(2, 600).prefault(2),
  workerOfflineTtl: whole(1, 8_760).prefault(24),
});

/** The variables that set them. */
export const OPS_VARIABLES: Readonly<Record<string, string>> = {
  OPS_ENABLED: 'ops.enabled',
  OPS_TASK_PERSIST: 'ops.taskPersist',
  OPS_TASK_RETENTION_DAYS: 'ops.taskRetentionDays',
  OPS_WORKER_HEARTBEAT_INTERVAL: 'ops.workerHeartbeatInterval',
  OPS_WORKER_OFFLINE_TTL: 'ops.workerOfflineTtl',
};
