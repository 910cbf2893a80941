/** The command line, as a process of its own, with queues, a database and a task queue of its own. */
import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { atEnd, testDatabase, testQueues } from '../helpers/servers.ts';
import { connectReady } from '../../src/temporal/ready.ts';
import { emptyConfiguration } from '../helpers/system.ts';
import type { Ending, TestQueues } from '../helpers/servers.ts';
import type { Store } from '../../src/registrations/store.ts';
import { loadConfig } from '../../src/config/load.ts';
import { silent } from '../../src/runtime/log.ts';
import { createMetrics } from '../../src/runtime/metrics.ts';

export const CLI = fileURLToPath(new URL('../../src/cli.js', import.meta.url));

export interface Result {
  code: number | null;
  stdout: string;
  stderr: string;
}

export type Environment = Record<string, string>;

/** A folder without a despachante.yaml, so that a developer's own is not read. */
export function emptyFolder(t: Ending): string {
  const folder = mkdtempSync(join(tmpdir(), 'despachante-command-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** Starts `despachante …` in the given folder; the environment comes over this process' own. */
export const start = (
  args: string[],
  cwd: string,
  env: Environment = {},
): ChildProcessWithoutNullStreams =>
  spawn(process.execPath, [CLI, ...args], {
    cwd,
    // That of the tests' own servers would have its key read: who is about an instance names one.
    env: { ...process.env, DESPACHANTE_INSTANCE: '', ...env },
  });

/** Runs `despachante …` to its end. */
export async function run(
  args: string[],
  {
    cwd = tmpdir(),
    env = {},
    input = '',
  }: { cwd?: string; env?: Environment; input?: string | Buffer } = {},
): Promise<Result> {
  const child = start(args, cwd, env);
  const result: Result = { code: null, stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => (result.stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (result.stderr += chunk.toString()));
  child.stdin.on('error', () => {}); // a command that does not read its input may have gone
  child.stdin.end(input);
  await once(child, 'close');
  result.code = child.exitCode;
  return result;
}

export interface Place extends TestQueues {
  store: Store;
  folder: string;
  env: Environment;
  /** Runs a command there. */
  run: (args: string[], input?: string | Buffer) => Promise<Result>;
  /** Starts a worker in this process, which ends with the test: what a redrive needs. Nobody takes what it sends to the intake queue. */
  worker: () => Promise<void>;
  /** Runs a command with `--json`, expects the exit code, and reads what it printed. */
  json: (args: string[], code?: number) => Promise<unknown>;
}

/** Everything a command needs, dropped when the test ends. */
export async function testPlace(t: Ending, constants = 'rabbit.heldFor=2000'): Promise<Place> {
  const queues = await testQueues(t);
  const store = await testDatabase(t);
  const folder = emptyFolder(t);
  const { rabbit } = queues;
  const env = {
    DESPACHANTE_TEST_CONSTANTS: constants,
    DESPACHANTE_RABBIT_INTAKE_QUEUE: rabbit.intakeQueue,
    DESPACHANTE_RABBIT_FAILURE_QUEUE: rabbit.failureQueue,
    DESPACHANTE_MONGODB_DATABASE: store.db.databaseName,
    DESPACHANTE_TEMPORAL_TASK_QUEUE: store.db.databaseName,
    // Discard: nothing listens there.
    LEGACY_URL: 'http://127.0.0.1:9',
  };
  const runThere = (args: string[], input: string | Buffer = '') =>
    run(args, { cwd: folder, env, input });
  return {
    ...queues,
    store,
    folder,
    env,
    run: runThere,
    async worker() {
      const { config } = loadConfig({
        env: {
          ...process.env,
          ...env,
          DESPACHANTE_INSTANCE: '',
          DESPACHANTE_CONFIG: emptyConfiguration(folder),
        },
      });
      const client = await connectReady(config, silent);
      atEnd(t, () => client.connection.close());
      // Most tests of commands need none, and its libraries take a second.
      const { startWorker } = await import('../../src/worker.ts');
      const worker = await startWorker(config, createMetrics(), silent);
      atEnd(t, () => worker.stop());
    },
    async json(args, code = 0) {
      const result = await runThere([...args, '--json']);
      if (result.code !== code) {
        throw new Error(
          `exit code ${result.code}, expected ${code}: ${result.stderr}${result.stdout}`,
        );
      }
      const value: unknown = JSON.parse(result.stdout);
      return value;
    },
  };
}
