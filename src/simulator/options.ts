// The options of a simulator, their defaults and their validation.
import { z } from 'zod';
import { PRESETS } from '../domain/registrations/contract.ts';
import { behaviourShape, defaultBehaviour } from './behaviour.ts';

const port = z.int().min(0).max(65_535);
export const optionsSchema = z.strictObject({
  host: z.string().min(1),
  /** of the HTTP layer; 0 takes a free one */
  port,
  /** of the core; 0 takes a free one */
  corePort: port,
  /** the same seed and the same registrations meet the same fates */
  seed: z.int(),
  /** JSON lines; read at the start when it exists. null: in memory only, so a restart knows nothing of earlier runs */
  ledgerFile: z.string().min(1).nullable(),
  /** the system that the ledger is kept for, by its id */
  system: z.string().min(1).nullable(),
  /** a POST with an Idempotency-Key that was accepted before is answered as before, and files nothing */
  idempotent: z.boolean(),
  /** the kind of system that it is */
  preset: z.enum(PRESETS),
  ...behaviourShape,
});

export type SimulatorOptions = z.infer<typeof optionsSchema>;

export const defaultOptions: SimulatorOptions = {
  host: '127.0.0.1',
  port: 9997,
  corePort: 9998,
  seed: 1,
  ledgerFile: null,
  system: null,
  idempotent: false,
  preset: 'json-status',
  ...defaultBehaviour,
};
