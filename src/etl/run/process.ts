/** What is done with a resource: it takes a while and fails by chance (SIMULATED), or a function of a file of yours does it. */
import { resolve } from 'node:path';
import type { Environment } from '../../config/tree.ts';
import { createCaller } from '../../handlers/caller.ts';
import type { Log } from '../../runtime/log.ts';
import type { Ended } from '../../workers/call.ts';
import type { CallerNeeds } from '../caller.ts';
import type { EtlSettings } from '../settings.ts';
import { rolls, simulate } from '../simulated.ts';

type Processing = Pick<CallerNeeds, 'process' | 'stop'>;

const INTERRUPTED: Ended = { kind: 'interrupted' };

export const simulation = (settings: EtlSettings, seed: number): Processing => ({
  async process(_resource, { id, attempt }, signal) {
    try {
      const isDone = await simulate(settings, rolls(seed, id, attempt), signal);
      if (isDone) return { kind: 'done', outgoing: [] };
      return {
        kind: 'again',
        reason: 'it failed by chance (SIMULATED)',
        class: 'exhausted',
        retryAfter: null,
      };
    } catch {
      return INTERRUPTED;
    }
  },
  stop: () => Promise.resolve(),
});

/** In a child process, as handlers of workers run. */
export function processOf(
  file: string,
  {
    workers,
    name,
    timeoutMs,
    env,
    log,
  }: { workers: number; name: string; timeoutMs: number; env: Environment; log: Log },
): Processing {
  const caller = createCaller({
    module: {
      url: new URL('../runner.js', import.meta.url).href,
      argument: { file: resolve(file), name },
    },
    ...{ env, log, timeoutMs, concurrency: workers, file, count: () => {} },
    facts: ({ id, attempt }) => ({ element: id, attempt }),
  });
  return {
    async process(resource, call, signal) {
      if (signal.aborted) return INTERRUPTED;
      const body = Buffer.from(JSON.stringify(resource)).toString('base64');
      return caller.call({ ...call, body });
    },
    stop: (finishWithinMs) => caller.stop(finishWithinMs),
  };
}
