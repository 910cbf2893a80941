/** The seam to the room of workers: a module that runs the calls of one worker, in the handler process or in this one. */
import type { Log } from '../runtime/log.ts';
import type { Call, Ended, Hook } from '../workers/call.ts';

/** What a call gets besides itself. */
export interface CallContext {
  /** Aborted with a `TimeoutError`, a `CancelledError` or a `StoppingError`. */
  signal: AbortSignal;
  /** A sentence, and facts beside it. */
  log: Readonly<Record<keyof Log, (sentence: string, facts?: object) => void>>;
  /** Adds to a counter of the worker. */
  increment(name: string, by: number): void;
}

/** Neither is to throw. One that does all the same ends its calls as `again`. */
export interface Runner {
  run(call: Call, context: CallContext): Promise<Ended>;
  /** One end for each call, in their order. */
  runBatch(calls: Call[], context: CallContext): Promise<Ended[]>;
  /** Tells a hook of the worker. */
  tell?(call: Call, hook: Hook, context: CallContext): Promise<void>;
}

/** A module that exports `open(argument)`, which returns or promises a `Runner`. */
export interface HandlerModule {
  /** A `file:` URL. */
  url: string;
  /** For `open`: JSON, such as the file of a worker and its name. */
  argument?: unknown;
}

/** On the global object of a process of handlers: user code there may have a copy of this package of its own. */
export const IN_HANDLERS = Symbol.for('despachante.handlers');

interface Opened {
  open(argument: unknown): Runner | Promise<Runner>;
}

const isOpened = (module: unknown): module is Opened =>
  typeof module === 'object' &&
  module !== null &&
  'open' in module &&
  typeof module.open === 'function';

/** @throws what the module throws on import or `open`; Error when it has no `open` */
export async function openModule({ url, argument }: HandlerModule): Promise<Runner> {
  const module: unknown = await import(url);
  if (!isOpened(module)) throw new Error(`${url} exports no function named open`);
  return module.open(argument);
}
