/** Who takes part in the comparison, and how each is started, killed and started again. */
import { fork } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { startChild } from '../src/runtime/child.ts';

export type ContestantName = keyof typeof CONTESTANTS;

export interface Contestant {
  title: string;
  /** Whether a crash can be survived at all. */
  durable: boolean;
  /** A server of its own, started by the bench. */
  server: 'redis' | 'postgres' | null;
  /** Which of our own servers take part, beside the broker and MongoDB. */
  temporal: boolean;
  /** Ours only. */
  settings: Record<string, string> | null;
  /** Registrations at most, where a run of more would take too long. */
  most: number;
}

const other = { server: null, temporal: false, settings: null, most: Infinity };
const ours = { server: null, temporal: true, durable: true, most: Infinity };

export const CONTESTANTS = {
  'acks-early': { ...other, title: 'hand-written, acks at once', durable: false },
  'acks-late': { ...other, title: 'hand-written, acks after persisting', durable: true },
  bullmq: { ...other, title: 'BullMQ on Redis', durable: true, server: 'redis' },
  'pg-boss': { ...other, title: 'pg-boss on PostgreSQL', durable: true, server: 'postgres' },
  ours: { ...ours, title: 'Despachante', settings: {} },
  'ours-single': {
    ...ours,
    title: 'Despachante, `batchSize: 1`',
    settings: { DESPACHANTE_INTAKE_BATCH_SIZE: '1' },
    most: 1_000,
  },
} satisfies Record<string, Contestant>;

export const isContestant = (name: string): name is ContestantName =>
  Object.hasOwn(CONTESTANTS, name);

/** A process of somebody that is up and waits, or has been told to go. */
export interface Runner {
  pids: number[];
  go(): Promise<void>;
  kill(): Promise<void>;
  stop(): Promise<void>;
}

interface Place {
  env: Record<string, string>;
  folder: string;
}

/** Ours: the worker is up before the clock runs, and the intake takes up work as soon as it is up. */
export async function startOurs({ env, folder }: Place): Promise<Runner> {
  const start = (command: string) =>
    startChild({
      args: [command, '--port', '0'],
      env,
      logFile: join(folder, `${command}.log`),
    });
  const children = [await start('worker')];
  const pids = children.map(({ pid }) => pid);
  return {
    pids,
    async go() {
      const intake = await start('intake');
      children.push(intake);
      pids.push(intake.pid);
    },
    kill: async () => void (await Promise.all(children.map((child) => child.kill()))),
    stop: async () => {
      for (const child of children.toReversed()) await child.stop();
    },
  };
}

/** A contestant's own program: connected, and waiting for the word. */
export async function startOther(name: string, { env, folder }: Place): Promise<Runner> {
  const child = await startModule([`bench/contestants/${name}.mjs`], {
    env,
    logFile: join(folder, `${name}.log`),
  });
  return {
    pids: [child.pid],
    go: () => new Promise((resolve) => child.process.send('go', () => resolve())),
    kill: () => child.end('SIGKILL'),
    stop: () => child.end('SIGTERM'),
  };
}

const announced = z.object({ url: z.string(), pid: z.number() });

export interface ContestantServer {
  url: string;
  pid: number;
  stop(): Promise<void>;
}

/** A private server with an empty data folder, which ends with `stop`. @throws Error that names the log */
export async function startServer(kind: string, folder: string): Promise<ContestantServer> {
  const data = join(folder, kind);
  mkdirSync(data);
  const child = await startModule(['bench/contestants/servers.mjs', kind, data], {
    env: {},
    logFile: join(folder, `${kind}.log`),
  });
  const { url, pid } = announced.parse(child.message);
  return { url, pid, stop: () => child.end('SIGTERM') };
}

/** `npm install` of what the contestants need, in a folder of their own. */
export async function installContestants(): Promise<void> {
  const child = fork('bench/contestants/servers.mjs', ['install'], { execArgv: [] });
  const code = await new Promise<number | null>((resolve) => child.once('exit', resolve));
  if (code !== 0) throw new Error('The contestants cannot be installed: see above');
}

/** A contestant cannot be had on this machine: the lines above say why. */
export class LeftOut extends Error {
  override readonly name = 'LeftOut';
}

/** What its part of `servers.mjs` finds or fetches. @throws LeftOut */
async function program<T>(found: z.ZodType<T>, ...args: string[]): Promise<T> {
  const child = fork('bench/contestants/servers.mjs', args, { execArgv: [] });
  const message = await new Promise<unknown>((resolve, reject) => {
    child.once('message', resolve);
    child.once('exit', () => reject(new LeftOut(`${args[0]} cannot be had: see above`)));
  });
  return z.object({ program: found }).parse(message).program;
}

/** The path of rclone, from Debian's packages where it is not here. @throws LeftOut */
export const rclone = (): Promise<string> => program(z.string(), 'rclone');

/** The Python that has Celery. @throws LeftOut */
export const celery = (): Promise<string> => program(z.string(), 'celery');

/** The command that runs the route of Camel, which is compiled into the folder. @throws LeftOut */
export const camel = (folder: string): Promise<string[]> =>
  program(z.array(z.string()), 'camel', folder);

/** Starts a module and waits for its first message. */
async function startModule(
  [file = '', ...args]: string[],
  { env, logFile }: { env: Record<string, string>; logFile: string },
) {
  const log = openSync(logFile, 'a');
  const child = fork(file, args, {
    env: { ...process.env, ...env },
    execArgv: [],
    stdio: ['ignore', log, log, 'ipc'],
    detached: true,
  });
  closeSync(log);
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const message = await new Promise<unknown>((resolve, reject) => {
    child.once('message', resolve);
    child.once('error', reject);
    void exited.then(() => reject(new Error(`${file} ended before it was up: see ${logFile}`)));
  });
  return {
    process: child,
    pid: child.pid ?? 0,
    message,
    end: async (signal: NodeJS.Signals) => {
      child.kill(signal);
      await exited;
    },
  };
}
