/** Our own processes, as children of `start` and of the bench. */
import { fork } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** What a process that was started as a child says once it is up. */
export interface Announcement {
  /** Of the simulator. */
  url?: string;
  /** Port of /live, /ready and /metrics. */
  health?: number;
}

export interface ChildOptions {
  /** Arguments of the command line, beginning with the command. */
  args: string[];
  env: Record<string, string>;
  /** Takes its standard output and error, appended. */
  logFile: string;
  /** Another version of the program than this one. */
  cli?: string;
  nodeOptions?: string[];
  /** How long it may take to drain, ms. */
  stopMs?: number;
  /** Aborted while it is not up yet: it is killed, and nobody waits for it. */
  giveUp?: AbortSignal;
}

const CLI = fileURLToPath(new URL('../cli.js', import.meta.url));
/** Longer than a worker takes to drain by its defaults: its grace and force times. */
const STOP_MS = 60_000;

export type Child = Awaited<ReturnType<typeof startChild>>;

/**
 * Young objects get 16 MB for each thread instead of 128, which V8 takes on a large machine, and all threads share two pools of
 * malloc. A worker then needs three quarters of the memory, and no more time. The Dockerfile has the same.
 */
export const LEAN = { nodeOptions: ['--max-semi-space-size=8'], env: { MALLOC_ARENA_MAX: '2' } };

/**
 * Starts a command and waits until it says that it is up. In a process group of its own: a Ctrl-C in the terminal
 * reaches the parent only, which then stops its children in order, so that the worker drains before its servers go.
 * @throws Error when it ends before it is up; the log file tells why
 */
export async function startChild(options: ChildOptions) {
  const log = openSync(options.logFile, 'a');
  const child = fork(options.cli ?? CLI, options.args, {
    env: { ...LEAN.env, ...process.env, ...options.env },
    execArgv: [...LEAN.nodeOptions, ...(options.nodeOptions ?? [])],
    stdio: ['ignore', log, log, 'ipc'],
    detached: true,
  });
  closeSync(log);
  const name = options.args[0] ?? '';
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const giveUp = (): void => void child.kill('SIGKILL');
  if (options.giveUp?.aborted === true) giveUp();
  options.giveUp?.addEventListener('abort', giveUp, { once: true });
  const facts = await new Promise<Announcement>((resolve, reject) => {
    child.once('message', (message) => resolve(isAnnouncement(message) ? message : {}));
    child.once('error', reject);
    void exited.then((code) => {
      const how = `The ${name} ended (${code ?? 'killed'}) before it was up`;
      reject(new Error(`${how}: see ${options.logFile}`));
    });
  }).finally(() => options.giveUp?.removeEventListener('abort', giveUp));
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    // One that stands still does not hear that it is asked to leave.
    child.kill('SIGCONT');
    child.kill(signal);
    const late = setTimeout(() => child.kill('SIGKILL'), options.stopMs ?? STOP_MS);
    await exited;
    clearTimeout(late);
  };
  return {
    name,
    pid: child.pid ?? 0,
    /** What it said when it was up. */
    facts,
    /** Settles when it has ended, with its exit code; null after a signal. */
    exited,
    /** Asks it to drain and leave, and waits until it has. */
    stop: () => end('SIGTERM'),
    /** What a crash does: nothing is drained. */
    kill: () => end('SIGKILL'),
  };
}

const isAnnouncement = (message: unknown): message is Announcement =>
  typeof message === 'object' && message !== null;
