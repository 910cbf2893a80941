import { hostname } from 'node:os';
import type { Config } from '../config/schema.ts';
import { hostQueue } from '../domain/folders.ts';

/** The settings for work that only this machine can do: what lies in its folders. */
export const onThisHost = (config: Config): Config => ({
  ...config,
  temporal: { ...config.temporal, taskQueue: hostQueue(config.temporal.taskQueue, hostname()) },
});
