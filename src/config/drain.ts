import type { Config } from './schema.ts';

/**
 * How long a worker may take to leave when it is told to, ms: after its grace a POST that was sent is worth waiting for, and
 * its answer worth writing down. Cut off, it is in doubt.
 */
export const longestDrainMs = ({ worker, legacy }: Pick<Config, 'worker' | 'legacy'>): number =>
  worker.shutdownGrace + legacy.timeout + 10_000;
