/** Processes of `despachante tasks run` on real servers, under names of their own, and who looks at them from outside. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Client } from '@temporalio/client';
import type { Collection } from 'mongodb';
import { processTree } from '../../../bench/processes.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { OWN } from '../../../src/mongo/collections.ts';
import { openDatabase } from '../../../src/mongo/own-database.ts';
import { startChild, type Child } from '../../../src/runtime/child.ts';
import { kafkaLink } from '../../../src/tasks/kafka-link.ts';
import type { TaskClaim } from '../../../src/tasks/claims.ts';
import { connectTemporal, registerSearchAttributes } from '../../../src/temporal/client.ts';
import { eventually } from '../../helpers/eventually.ts';
import { atEnd, uniqueName } from '../../helpers/servers.ts';
import { TEST_KEYS, emptyConfiguration, isFailed } from '../../helpers/system.ts';
import type { World } from '../scenario.ts';
import { kafkaTransport, rabbitTransport, type Transport } from './transport.ts';
import { testimonies, type Testimony } from './witness.ts';

const WORKER = fileURLToPath(new URL('worker.js', import.meta.url));

export interface TaskSystem {
  transport: Transport;
  claims: Collection<TaskClaim>;
  client: Client;
  taskQueue: string;
  /** Starts one more process under a name of its own. */
  start(name: string, env?: Record<string, string>): Promise<Child>;
  /** As an operator does. @throws AssertionError when it does not leave in order */
  stop(name: string): Promise<void>;
  /** SIGKILL, to the process and so to all that it has begun. */
  kill(name: string): Promise<void>;
  child(name: string): Child;
  /** Processes of handlers of that process. */
  handlersOf(name: string): number[];
  /** Names of processes that have been started and neither stopped nor killed. */
  names(): string[];
  testimonies(): Testimony[];
  /** Waits until so many calls have begun since the start. */
  hasBegun(calls: number): Promise<void>;
  /** All that a process has logged. */
  log(name: string): string;
}

interface Options {
  broker?: 'rabbitmq' | 'kafka';
  /** Calls at once, in each process. */
  slots?: number;
  /** How long a call takes, ms. */
  workMs?: number;
  /** Other servers, settings. */
  env?: Record<string, string>;
  /** How processes reach servers, where that is another way than ours. */
  through?: Record<string, string>;
}

export const SLOTS = 8;
export const WORK_MS = 10;

/** Starts no process yet. */
export async function taskSystem(world: World, options: Options = {}): Promise<TaskSystem> {
  const { broker = 'rabbitmq', slots = SLOTS, workMs = WORK_MS } = options;
  const folder = mkdtempSync(join(tmpdir(), 'despachante-tasks-'));
  atEnd(world, () => rmSync(folder, { recursive: true }));
  const name = uniqueName();
  const env: Record<string, string> = {
    DESPACHANTE_CONFIG: emptyConfiguration(folder),
    DESPACHANTE_MONGODB_DATABASE: name,
    DESPACHANTE_TEMPORAL_TASK_QUEUE: name,
    DESPACHANTE_SWEEPER_ENABLED: 'false',
    DESPACHANTE_WORKER_SHUTDOWN_GRACE: '3s',
    DESPACHANTE_LOG_FORMAT: 'json',
    DESPACHANTE_LOG_LEVEL: 'debug',
    ENCRYPTION_KEYS: TEST_KEYS,
    KAFKA_ENABLED: 'true',
    ...options.env,
  };
  const { config } = loadConfig({ env: { ...process.env, ...env } });
  const client = await connectTemporal(config);
  atEnd(world, () => client.connection.close());
  await registerSearchAttributes(client);
  const mongo = await openDatabase(config, 'writer');
  atEnd(world, () => mongo.close());
  const transport =
    broker === 'kafka'
      ? await kafkaTransport(world, kafkaLink(config, 'Witness'))
      : await rabbitTransport(world, config);
  const witness = join(folder, 'witness.jsonl');
  const given = {
    ...env,
    ...options.through,
    WITNESS_BROKER: broker,
    WITNESS_SOURCE: transport.source,
    WITNESS_OUTPUT: transport.output,
    WITNESS_LETTERS: transport.letters,
    WITNESS_FILE: witness,
    WITNESS_SLOTS: String(slots),
    WITNESS_WORK: String(workMs),
  };

  const children = new Map<string, Child>();
  const logOf = (process: string) => join(folder, `${process}.log`);
  atEnd(world, async () => {
    if (isFailed(world)) for (const each of children.keys()) tellLog(each, logOf(each));
    await Promise.all([...children.values()].map((child) => child.kill()));
    await terminateRuns(client, name);
  });
  const child = (process: string): Child => {
    const found = children.get(process);
    if (found === undefined) throw new Error(`The process ${process} is not running`);
    return found;
  };
  return {
    transport,
    claims: mongo.own.collection<TaskClaim>(OWN.taskClaims),
    client,
    taskQueue: name,
    async start(process, more = {}) {
      const started = await startChild({
        args: ['tasks', 'run', '--all', '--workers', WORKER, '--port', '0'],
        env: { ...given, ...more },
        logFile: logOf(process),
      });
      children.set(process, started);
      return started;
    },
    async stop(process) {
      const stopping = child(process);
      children.delete(process);
      await stopping.stop();
      assert.equal(await stopping.exited, 0, `the process ${process} did not leave in order`);
    },
    async kill(process) {
      await child(process).kill();
      children.delete(process);
    },
    child,
    // Beside a worker thread's, a process of handlers is the only kind of child that it has.
    handlersOf: (process) => processTree(child(process).pid).slice(1),
    names: () => [...children.keys()],
    testimonies: () => testimonies(witness),
    hasBegun: (calls) =>
      eventually(`${calls} calls have begun`, () => {
        const begun = testimonies(witness).filter(({ what }) => what === 'begun').length;
        assert.ok(begun >= calls, `${begun} have`);
      }),
    log: (process) => readFileSync(logOf(process), 'utf8'),
  };
}

/** Visibility lags: a run may have ended by itself. */
async function terminateRuns(client: Client, taskQueue: string): Promise<void> {
  const query = `TaskQueue = "${taskQueue}/Witness" AND ExecutionStatus = "Running"`;
  for await (const { workflowId } of client.workflow.list({ query })) {
    await client.workflow
      .getHandle(workflowId)
      .terminate('the scenario has ended')
      .catch(() => {});
  }
}

function tellLog(name: string, file: string): void {
  const lines = readFileSync(file, 'utf8').trim().split('\n');
  const notable = lines.filter((line) => !/"level":(10|20),/.test(line));
  process.stderr.write(`\nThe last of ${lines.length} lines of the process ${name}:\n`);
  process.stderr.write(`${notable.slice(-40).join('\n')}\n`);
}
