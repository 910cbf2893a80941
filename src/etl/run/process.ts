/** What is done with a resource: it takes a while and fails by chance (SIMULATED), a function of a file of yours does it, or it is sent. */
import { resolve } from 'node:path';
import type { Environment } from '../../config/tree.ts';
import { createCaller } from '../../handlers/caller.ts';
import { httpEndpoint } from '../../config/endpoint.ts';
import { httpHandler } from '../../config/http-handler.ts';
import { openDelivery, percentEncoded } from '../../outbound/deliver.ts';
import type { Log } from '../../runtime/log.ts';
import type { Running } from '../../tasks/rules.ts';
import { endOf } from '../../tasks/webhook.ts';
import type { Ended } from '../../workers/call.ts';
import type { CallerNeeds } from '../caller.ts';
import type { EtlSettings } from '../settings.ts';
import { rolls, simulate } from '../simulated.ts';
import type { EtlOptions } from './options.ts';

interface Processing extends Pick<CallerNeeds, 'process' | 'stop'> {
  /** Where it is sent to an endpoint. */
  sends?: Running['sends'];
}

interface Needs {
  name: string;
  seed: number;
  timeoutMs: number;
  env: Environment;
  log: Log;
}

export function processingOf(
  { process, send, settings }: Pick<EtlOptions, 'process' | 'send' | 'settings'>,
  needs: Needs,
): Processing {
  if (send !== null) return sending(send, settings, needs.name);
  if (process === null) return simulation(settings, needs.seed);
  return processOf(process, { workers: settings.workers, ...needs });
}

const INTERRUPTED: Ended = { kind: 'interrupted' };

const simulation = (settings: EtlSettings, seed: number): Processing => ({
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
function processOf(
  file: string,
  { workers, name, timeoutMs, env, log }: Omit<Needs, 'seed'> & { workers: number },
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

const AUTHORIZATION = 'SEND_AUTHORIZATION';

/** Through a gate of its own, as queues and folders are sent. What was sent is the output. */
function sending(url: string, settings: EtlSettings, name: string): Processing {
  const { workers: concurrency, sendAuthorization } = settings;
  const authorization_env = sendAuthorization === null ? null : AUTHORIZATION;
  const http = httpHandler().parse({ url, concurrency, authorization_env });
  const delivery = openDelivery(http, { [AUTHORIZATION]: sendAuthorization ?? undefined });
  return {
    sends: { endpoint: httpEndpoint(name, http), pass: delivery.pass },
    async process(resource, { id, attempt }, signal) {
      const answer = await delivery.deliver({
        ...{ idempotencyKey: percentEncoded(`${name}/${id}`), attempt, signal },
        contentType: 'application/json',
        headers: { 'x-message-id': percentEncoded(resource.id) },
        body: Buffer.from(JSON.stringify(resource)),
      });
      const ended = endOf(answer, signal);
      return ended.kind === 'done' ? { kind: 'done', outgoing: [] } : ended;
    },
    stop: () => delivery.close(),
  };
}
