/** The handler module of a worker that stands in a file of its user. */
import { attempt, attemptBatch } from '../workers/attempt.ts';
import { discover } from '../workers/discover.ts';
import { runHook } from '../workers/hooks.ts';
import type { Call, Ended } from '../workers/call.ts';
import { identityOf } from '../workers/identity.ts';
import type { Worker } from '../workers/worker.ts';
import type { Runner } from './handler-module.ts';

interface Argument {
  file: string;
  name: string;
  /** That its calls tell ids and keys, instead of being handled. */
  identifies?: boolean;
}

const isArgument = (value: unknown): value is Argument =>
  typeof value === 'object' && value !== null && 'file' in value && 'name' in value;

/** @throws WorkersNotLoadedError when the file cannot be loaded; Error when the worker is not there (any more) */
export async function open(argument: unknown): Promise<Runner> {
  if (!isArgument(argument)) throw new Error('the handler process was given no worker');
  const { found } = await discover([argument.file]);
  const worker = found.find((each) => each.worker.name === argument.name)?.worker;
  if (worker === undefined) throw new Error(`${argument.file} has no worker ${argument.name}`);
  if (argument.identifies === true) return identifying(worker);
  return {
    run: (call, context) => attempt(worker, call, context),
    runBatch: (calls, context) => attemptBatch(worker, calls, context),
    tell: (call, hook, context) => runHook(worker, call, hook, context),
  };
}

/** By results. */
function identifying(worker: Worker): Runner {
  const run = async ({ body }: Call): Promise<Ended> => {
    try {
      return { kind: 'done', result: await identityOf(worker, body), outgoing: [] };
    } catch (error) {
      const malformed = { failure: 'malformed', class: 'malformed' } as const;
      return { kind: 'failed', ...malformed, reason: String(error) };
    }
  };
  return { run, runBatch: (calls) => Promise.all(calls.map(run)) };
}
