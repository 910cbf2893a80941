/** Worker and intake as real processes on real servers, under names of their own, with a legacy system in the test. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import { startChild } from '../../src/runtime/child.ts';
import type { Child } from '../../src/runtime/child.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { Config } from '../../src/config/schema.ts';
import type { SimulatorOptions } from '../../src/simulator/options.ts';
import { startSimulator } from '../../src/simulator/simulator.ts';
import type { Simulator } from '../../src/simulator/simulator.ts';
import type { Store } from '../../src/registrations/store.ts';
import { connectTemporal } from '../../src/temporal/client.ts';
import { proxyTo } from './proxy.ts';
import type { Proxy } from './proxy.ts';
import { atEnd, testDatabase, testQueues } from './servers.ts';
import type { Ending, TestQueues } from './servers.ts';

export type Role = 'worker' | 'intake';

/** The four neighbours, by the variable that holds their address. */
export type Proxied = 'AMQP_URL' | 'TEMPORAL_ADDRESS' | 'MONGODB_URI' | 'LEGACY_URL';

/** One test, or `{ after, afterEach }` of node:test for a whole file. */
export interface Scope extends Ending {
  afterEach(hook: (context: unknown) => void): void;
}

export interface SystemOptions {
  /** Settings of worker and intake, as environment variables, over those that make tests quick; other servers, too. */
  env?: Record<string, string>;
  simulator?: Partial<SimulatorOptions>;
  /** Takes the simulator's place. */
  legacyUrl?: string;
  /** What is started at once; a test starts the others itself. */
  roles?: Role[];
  /** Servers that worker and intake reach through a proxy. */
  proxied?: Proxied[];
}

export interface System extends TestQueues {
  config: Config;
  store: Store;
  client: Client;
  simulator: Simulator;
  /** What sets `config`, for a command. */
  env: Record<string, string>;
  /** Takes logs and ledgers; gone with the system. */
  folder: string;
  /** With other settings than the system's, if given. */
  start(role: Role, env?: Record<string, string>, giveUp?: AbortSignal): Promise<Child>;
  /** As an operator does: what is at hand is finished. Resolves with the exit code. */
  stop(role: Role): Promise<number | null>;
  /** As a crash does. */
  kill(role: Role): Promise<void>;
  child(role: Role): Child;
  /** All that it has logged. */
  log(role: Role): string;
  proxy(server: Proxied): Proxy;
}

/** As in production, everything is encrypted: what works with it works without. */
export const TEST_KEYS = `tests:${Buffer.alloc(32, 7).toString('base64')}`;

/** Quick, and still so that a machine with two cores under load keeps to them. */
const QUICK = {
  DESPACHANTE_LEGACY_EXPECTED_LATENCY_MIN: '300ms',
  DESPACHANTE_LEGACY_EXPECTED_LATENCY_MAX: '800ms',
  DESPACHANTE_LEGACY_TIMEOUT: '2s',
  DESPACHANTE_WORKER_SHUTDOWN_GRACE: '500ms',
  // A Schedule would outlive the test.
  DESPACHANTE_SWEEPER_ENABLED: 'false',
  ENCRYPTION_KEYS: TEST_KEYS,
  DESPACHANTE_LOG_FORMAT: 'json',
  DESPACHANTE_LOG_LEVEL: 'debug',
};

/** Starts it, and leaves nothing of it behind when the test, or the file, has ended. */
export async function startSystem(t: Scope, options: SystemOptions = {}): Promise<System> {
  const folder = mkdtempSync(join(tmpdir(), 'despachante-e2e-'));
  const children = new Map<Role, Child>();
  const logs = (role: Role) => join(folder, `${role}.log`);
  atEnd(t, () => rmSync(folder, { recursive: true }));
  t.afterEach((context) => {
    if (isFailed(context)) tellLogs(folder);
  });

  const latency = { minMs: 300, maxMs: 800 };
  const answerDelay = { minMs: 5, maxMs: 20 };
  const simulator = await startSimulator({
    port: 0,
    corePort: 0,
    latency,
    answerDelay,
    ...options.simulator,
  });
  atEnd(t, () => simulator.close());
  const queues = await testQueues(t, false, options.env?.['AMQP_URL']);
  const store = await testDatabase(t, {}, options.env?.['MONGODB_URI']);
  const env = {
    ...QUICK,
    DESPACHANTE_CONFIG: emptyConfiguration(folder),
    DESPACHANTE_RABBIT_INTAKE_QUEUE: queues.rabbit.intakeQueue,
    DESPACHANTE_RABBIT_FAILURE_QUEUE: queues.rabbit.failureQueue,
    DESPACHANTE_MONGODB_DATABASE: store.db.databaseName,
    DESPACHANTE_TEMPORAL_TASK_QUEUE: store.db.databaseName,
    LEGACY_URL: options.legacyUrl ?? simulator.url,
    ...options.env,
  };
  const { config } = loadConfig({ env: { ...process.env, ...env } });
  const client = await connectTemporal(config);
  atEnd(t, () => client.connection.close());

  const proxies = new Map<string, Proxy>();
  const through: Record<string, string> = {};
  for (const server of options.proxied ?? []) {
    const proxy = await proxyTo(t, addressOf(server, config));
    proxies.set(server, proxy);
    through[server] = proxy.url.replace('tcp://', '');
  }

  // What is given last ends first, and so before what it works with.
  atEnd(t, async () => {
    if (isFailed(t)) tellLogs(folder);
    await Promise.all([...children.values()].map((child) => child.stop()));
    await terminateRuns(client, config.temporal.taskQueue);
  });
  const child = (role: Role): Child => {
    const running = children.get(role);
    if (running === undefined) throw new Error(`The ${role} is not running`);
    return running;
  };
  const end = async (role: Role, how: 'stop' | 'kill'): Promise<number | null> => {
    const running = child(role);
    await running[how]();
    children.delete(role);
    return running.exited;
  };
  const start: System['start'] = async (role, more = {}, giveUp) => {
    const args = [role, '--port', '0'];
    const started = await startChild({
      args,
      env: { ...env, ...through, ...more },
      logFile: logs(role),
      ...(giveUp === undefined ? {} : { giveUp }),
    });
    children.set(role, started);
    return started;
  };
  await Promise.all((options.roles ?? ['worker', 'intake']).map((role) => start(role)));

  return {
    ...queues,
    config,
    store,
    client,
    simulator,
    env,
    folder,
    start,
    stop: (role) => end(role, 'stop'),
    async kill(role) {
      await end(role, 'kill');
    },
    child,
    log: (role) => readFileSync(logs(role), 'utf8'),
    proxy(server) {
      const proxy = proxies.get(server);
      if (proxy === undefined) throw new Error(`${server} is not proxied`);
      return proxy;
    },
  };
}

function addressOf(server: Proxied, config: Config): string {
  switch (server) {
    case 'AMQP_URL':
      return config.amqpUrl;
    case 'TEMPORAL_ADDRESS':
      return `tcp://${config.temporalAddress}`;
    case 'MONGODB_URI':
      return config.mongodbUri;
    case 'LEGACY_URL':
      return config.legacyUrl;
  }
}

/** So that a developer's own despachante.yaml is not read. */
export function emptyConfiguration(folder: string): string {
  const file = join(folder, 'despachante.yaml');
  writeFileSync(file, '{}\n');
  return file;
}

async function terminateRuns(client: Client, taskQueue: string): Promise<void> {
  const query = `TaskQueue = "${taskQueue}" AND ExecutionStatus = "Running"`;
  for await (const { workflowId } of client.workflow.list({ query })) {
    // Visibility lags: it may have ended by itself.
    await client.workflow
      .getHandle(workflowId)
      .terminate('the test has ended')
      .catch(() => {});
  }
}

/** The types of node:test do not know `passed` yet. */
export const isFailed = (context: unknown): boolean =>
  typeof context === 'object' &&
  context !== null &&
  'passed' in context &&
  context.passed === false;

function tellLogs(folder: string): void {
  for (const role of ['worker', 'intake']) {
    const lines = readLines(join(folder, `${role}.log`));
    process.stderr.write(`\nThe last of ${lines.length} lines of the ${role}:\n`);
    process.stderr.write(`${lines.slice(-30).join('\n')}\n`);
  }
}

function readLines(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').trim().split('\n');
  } catch {
    return []; // it was never started
  }
}
