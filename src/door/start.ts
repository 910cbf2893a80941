/** Runs workers inside a program of yours. What that needs is loaded when it is called: files of workers import this, too. */
import { refuseUnknown } from '../workers/check-options.ts';
import type { Named } from '../workers/choose.ts';

export interface StartOptions {
  /** Names, workers or their classes; all of the files unless they are given. */
  workers?: readonly Named[] | undefined;
  /** Folders, files or globs of workers; the folder `workers` (tasks.folder) unless they are given. */
  files?: readonly string[] | undefined;
  /** Handler calls at once, for each worker: over what its code says. */
  concurrency?: number | undefined;
  /** Leaves out files that cannot be loaded. */
  skipBroken?: boolean | undefined;
}

export interface StartedWorkers {
  /** Their names. */
  readonly workers: readonly string[];
  /** As `/health/queue` answers: `healthy` when every queue can be taken from. */
  health(): QueuesHealth;
  /** In the text format of Prometheus. */
  metrics(): Promise<string>;
  /** Settles when they have stopped; rejects when they stop by themselves, with why. */
  readonly ended: Promise<void>;
  /**
   * Takes nothing more, lets handlers finish for `worker.shutdownGrace`, aborts the signals of the rest, which go on elsewhere,
   * and closes all connections, also those of `send` and `getResult`. Never throws.
   */
  stop(): Promise<void>;
}

export interface QueuesHealth {
  readonly status: 'healthy' | 'unhealthy';
  /** By the name of the queue or topic. `closedBy`: nothing is taken, and why; nothing is wrong. */
  readonly queues: Readonly<
    Record<
      string,
      {
        readonly status: 'healthy' | 'unhealthy';
        readonly closedBy: Readonly<Record<string, string>>;
      }
    >
  >;
}

const OPTIONS = ['workers', 'files', 'concurrency', 'skipBroken'];

/**
 * Starts workers in this process; their handlers run in processes of their own. No signal handler is installed: call `stop` in yours.
 * A broker that is away holds up its own workers alone, and is waited for.
 * @throws ConfigError with all faults of the settings; WorkersNotLoadedError, UnknownWorkerError; Error that names the server that
 * cannot be reached
 */
export async function startWorkers(options: StartOptions = {}): Promise<StartedWorkers> {
  refuseUnknown('startWorkers()', options, OPTIONS);
  const { start } = await import('./running.ts');
  return start(options);
}

export interface RunOptions extends Omit<StartOptions, 'workers'> {
  /** Aborted: they stop as by `stop`. */
  signal?: AbortSignal | undefined;
}

/** Runs one worker until `signal` is aborted. @throws as startWorkers, and why it has stopped by itself */
export const runWorker = (worker: Named, options: RunOptions = {}): Promise<void> =>
  run('runWorker()', [worker], options);

/** Runs every worker of the files until `signal` is aborted. @throws as runWorker */
export const runAllWorkers = (options: RunOptions = {}): Promise<void> =>
  run('runAllWorkers()', undefined, options);

async function run(
  call: string,
  workers: readonly Named[] | undefined,
  { signal, ...options }: RunOptions,
): Promise<void> {
  refuseUnknown(call, options, [...OPTIONS.slice(1), 'signal']);
  const app = await startWorkers({ ...options, workers });
  const stop = (): void => void app.stop();
  if (signal?.aborted === true) stop();
  signal?.addEventListener('abort', stop, { once: true });
  try {
    await app.ended;
  } finally {
    signal?.removeEventListener('abort', stop);
    await app.stop();
  }
}
