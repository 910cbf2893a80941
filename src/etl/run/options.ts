import type { Client } from '@temporalio/client';
import { z } from 'zod';
import type { QueueSetting } from '../../config/queues.ts';
import type { Config } from '../../config/schema.ts';
import type { Environment } from '../../config/tree.ts';
import type { Log } from '../../runtime/log.ts';
import type { Metrics } from '../../runtime/metrics.ts';
import { countsSchema, type Counts } from '../ends.ts';
import type { EtlSettings } from '../settings.ts';
import type { ListShape } from '../spool.ts';

export interface EtlOptions {
  /** An address, a path, or `-` for standard input. */
  input: string;
  settings: EtlSettings;
  /** A path. */
  output: string;
  /** A path. */
  errors: string;
  shape: ListShape;
  /** Of the whole input, as received and unpacked. */
  mostBytes: number;
  strict: boolean;
  /** Of what is simulated; null: any. */
  seed: number | null;
  /** A file whose default export processes resources; null: it is simulated. */
  process: string | null;
  /** The HTTP endpoint that each resource is sent to, in the place of a process. */
  send: string | null;
  /** A queue or topic; null: the output. */
  to: string | null;
  /** Leaves a run that is not finished. */
  fresh: boolean;
  /** Does nothing where the last run that has finished had the same input. */
  ifChanged: boolean;
  /** By whose order it runs: what is done under it is not done again. Null: a person's. */
  order: string | null;
}

export interface EtlNeeds {
  config: Config;
  queues: readonly QueueSetting[];
  /** As a process of the user sees it. */
  env: Environment;
  /** Connects when the input is there. */
  connect: () => Promise<Client>;
  metrics: Metrics;
  log: Log;
  watch: Watch;
  /** Aborted to stop in order. */
  signal: AbortSignal;
}

/** Who watches a run. */
export interface Watch {
  progress(at: Progress): void;
  tell(sentence: string): void;
}

export type Progress =
  | { phase: 'fetching' | 'reading'; done: number; total: number | null }
  | { phase: 'processing'; done: number; total: number; counts: Counts };

export const summarySchema = z.object({
  run: z.string(),
  /** Whether everything has ended; else the same command goes on with it. */
  finished: z.boolean(),
  simulated: z.boolean(),
  input: z.string(),
  /** SHA-256 of what was received, hex. */
  inputSha256: z.string().nullable(),
  items: z.number(),
  ...countsSchema.shape,
  retries: z.number(),
  resumed: z.number(),
  /** At work, over all processes. */
  seconds: z.number(),
  /** Of the attempts, over all processes; null where there was none. */
  p50Ms: z.number().nullable(),
  p99Ms: z.number().nullable(),
  itemsPerSecond: z.number(),
  /** Null where it went to `to`. */
  output: z.string().nullable(),
  to: z.string().nullable(),
  /** Null where it was not sent. */
  send: z.string().nullable(),
  errors: z.string(),
  /** Of what a broker has confirmed, for an audit; null where it did not go to one. */
  ledger: z.string().nullable(),
});
export type EtlSummary = z.infer<typeof summarySchema>;
