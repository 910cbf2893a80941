/** The handler module of a process of its user: a file whose default export is a function of a resource. */
import { pathToFileURL } from 'node:url';
import type { Runner } from '../handlers/handler-module.ts';
import { attempt } from '../workers/attempt.ts';
import { defineWorker } from '../workers/define-worker.ts';
import type { Context } from '../workers/context.ts';

interface Argument {
  file: string;
  name: string;
}

const isArgument = (value: unknown): value is Argument =>
  typeof value === 'object' && value !== null && 'file' in value && 'name' in value;

type Process = (resource: unknown, context: Context) => unknown;
const isProcess = (value: unknown): value is Process => typeof value === 'function';

/** @throws Error where the file has no such function */
export async function open(argument: unknown): Promise<Runner> {
  if (!isArgument(argument)) throw new Error('the handler process was given no file');
  const loaded: unknown = await import(pathToFileURL(argument.file).href);
  const found =
    typeof loaded === 'object' && loaded !== null && 'default' in loaded && loaded.default;
  if (!isProcess(found)) throw new Error(`${argument.file} has no function as its default export`);
  const worker = defineWorker({
    name: argument.name,
    handle: (resource, context) => found(resource, context),
  });
  return {
    run: (call, context) => attempt(worker, call, context),
    runBatch: (calls, context) => Promise.all(calls.map((call) => attempt(worker, call, context))),
  };
}
