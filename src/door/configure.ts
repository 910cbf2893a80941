/** Where this process has its settings from. Nobody needs to say it: the environment and `despachante.yaml` are read by whoever asks first. */
import { refuseUnknown } from '../workers/check-options.ts';
import type { Log } from '../runtime/log.ts';

export interface ProcessOptions {
  /** The file of settings; `despachante.yaml` unless it is given, where it is there. */
  config?: string | undefined;
  /** The file of queues; `queues.yaml` unless it is given, where it is there. */
  queues?: string | undefined;
  /** Variables such as AMQP_URL, over those of the process. */
  env?: Readonly<Record<string, string>> | undefined;
  /** Takes what is told; a logger of pino, such as that of Fastify, will do. Without it, lines go to stderr. */
  log?: Log | undefined;
}

const NAMES = ['config', 'queues', 'env', 'log'];

let given: ProcessOptions = {};
let isTaken = false;

/**
 * Says where the settings of this process come from. They are read when something asks for them first.
 * @throws Error when that has happened already; TypeError where an option does not exist
 */
export function configure(options: ProcessOptions): void {
  refuseUnknown('configure()', options, NAMES);
  if (isTaken)
    throw new Error(
      'configure() came too late: call it before send(), getResult() and startWorkers(), or after disconnect()',
    );
  given = options;
}

/** From now on they hold. */
export function takeOptions(): ProcessOptions {
  isTaken = true;
  return given;
}

export const letOptionsGo = (): void => void (isTaken = false);
