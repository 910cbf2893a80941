/** A process that has read its settings and reached Temporal: workers start in it. */
import type { Client } from '@temporalio/client';
import type { Config } from '../config/schema.ts';
import type { Environment } from '../config/tree.ts';
import type { Log } from '../runtime/log.ts';
import type { Metrics } from '../runtime/metrics.ts';

export interface Process {
  config: Config;
  /** As handlers see it. */
  forOthers: Environment;
  client: Client;
  metrics: Metrics;
  log: Log;
}
