/** Workers that run in this process, with handlers that a test scripts, on a queue and a database of their own. */
import type { GetMessage, Options } from 'amqplib';
import type { Client } from '@temporalio/client';
import { connectOnce } from '../../src/broker/rabbitmq/connection.ts';
import { declareQueues } from '../../src/broker/rabbitmq/queues.ts';
import { DEFAULTS, type Config } from '../../src/config/schema.ts';
import { OWN } from '../../src/mongo/collections.ts';
import { openDatabase } from '../../src/mongo/own-database.ts';
import { silent } from '../../src/runtime/log.ts';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { createMetrics } from '../../src/runtime/metrics.ts';
import { connectTemporal, registerSearchAttributes } from '../../src/temporal/client.ts';
import { startTaskWorkers } from '../../src/task-workers.ts';
import type { TaskClaim } from '../../src/tasks/claims.ts';
import { rabbitFor, type Running } from '../../src/tasks/rules.ts';
import type { Call, Caller, Ended } from '../../src/workers/call.ts';
import { eventually } from './eventually.ts';
import { address, atEnd, uniqueName, type Ending } from './servers.ts';
import { testConfig, type Changes } from './configuration.ts';

Runtime.install({ logger: new DefaultLogger('ERROR'), shutdownSignals: [] });

type Handle = (call: Call, isAlone: boolean) => Promise<Ended> | Ended;

/** Calls a function for each task, here. */
export const callerOf = (handle: Handle, cancel: (id: string) => void = () => {}): Caller => ({
  async call(call, { alone = false, noted } = {}) {
    await noted?.();
    return handle(call, alone);
  },
  callBatch: (calls) => Promise.all(calls.map(async (call) => handle(call, false))),
  cancel,
  tell: () => {},
  stop: () => Promise.resolve(),
});

/** The settings of a process that runs the sample worker of this name: its database and its task queue have it, too. */
export function sampleConfig(name: string, settings: Changes = {}): Config {
  const base = testConfig({
    tasks: { ...DEFAULTS.tasks, resultBackend: 'database' },
    kafka: { ...DEFAULTS.kafka, enabled: true },
    kafkaBootstrapServers: process.env['KAFKA_BOOTSTRAP_SERVERS'] ?? 'localhost:9092',
    amqpUrl: address('AMQP_URL'),
    mongodbUri: address('MONGODB_URI'),
    temporalAddress: process.env['TEMPORAL_ADDRESS'] ?? 'localhost:7233',
    mongodb: { database: name },
    ...settings,
  });
  return { ...base, temporal: { ...base.temporal, taskQueue: name } };
}

export function sampleWorker(name: string, given: Partial<Running> = {}): Running {
  return {
    name: 'Sample',
    from: { broker: 'rabbitmq', name: `${name}.tasks` },
    deadLetters: { broker: 'rabbitmq', name: `${name}.dead` },
    redrivesByItself: false,
    concurrency: 4,
    timeoutMs: 60_000,
    isIsolated: true,
    to: null,
    retry: { max: 3, kind: 'fixed', initial: 50 },
    batch: null,
    isOrdered: false,
    identify: null,
    keep: { resultMs: 60_000, failureMs: 120_000 },
    queue: null,
    ...given,
  };
}

export const startWorker = (config: Config, worker: Running, caller: Caller, client: Client) =>
  startTaskWorkers({
    config,
    workers: [{ worker, caller }],
    queues: [],
    client,
    metrics: createMetrics(),
    log: silent,
  });

/** The queues and the database of a sample worker; nothing runs yet. */
export async function testPlace(
  t: Ending,
  given: Partial<Running> = {},
  { name = uniqueName(), settings = {} }: { name?: string; settings?: Changes } = {},
) {
  const config = sampleConfig(name, settings);
  const worker = sampleWorker(name, given);
  const { rabbit } = rabbitFor(config, worker);
  const connection = await connectOnce(config.amqpUrl, name, rabbit.heartbeat);
  const channel = await connection.createConfirmChannel();
  await declareQueues(connection, rabbit);
  atEnd(t, async () => {
    for (const queue of [rabbit.intakeQueue, rabbit.returnedQueue, rabbit.failureQueue])
      await channel.deleteQueue(queue);
    await connection.close();
  });
  const mongo = await openDatabase(config, 'writer');
  atEnd(t, () => mongo.close());
  const claims = mongo.own.collection<TaskClaim>(OWN.taskClaims);
  const client = await connectTemporal(config);
  atEnd(t, () => client.connection.close());
  await registerSearchAttributes(client);
  return {
    name,
    config,
    client,
    claims,
    setAside: mongo.own.collection(OWN.setAside),
    worker,
    async publish(message: unknown, properties: Options.Publish = {}): Promise<void> {
      const body = Buffer.isBuffer(message) ? message : Buffer.from(JSON.stringify(message));
      channel.publish('', rabbit.intakeQueue, body, { persistent: true, ...properties });
      await channel.waitForConfirms();
    },
    /** Waits until the task is settled. */
    settled: (id: string, generation = 0): Promise<TaskClaim> =>
      eventually(`${id} is settled`, async () => {
        const claim = await claims.findOne({ _id: `${worker.name}/${id}~${generation}` });
        if (claim === null || claim.settledAt === null)
          throw new Error(`it is ${claim === null ? 'absent' : 'open'}`);
        return claim;
      }),
    take: (queue: string): Promise<GetMessage> =>
      eventually(`a message in ${queue}`, async () => {
        const message = await channel.get(queue, { noAck: true });
        if (message === false) throw new Error('the queue is empty');
        return message;
      }),
    deadLetters: rabbit.failureQueue,
    assertQueue: (queue: string) => channel.assertQueue(queue, { durable: true }),
  };
}

export async function testWorkers(
  t: Ending,
  handle: Handle,
  given: Partial<Running> = {},
  settings: Changes = {},
) {
  const place = await testPlace(t, given, { settings });
  const { config, worker, client } = place;
  const start = async (caller = callerOf(handle), changed: Partial<Running> = {}) => {
    const running = await startWorker(config, { ...worker, ...changed }, caller, client);
    atEnd(t, () => running.stop());
    return running;
  };
  return { ...place, running: await start(), start };
}
