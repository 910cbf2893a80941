import type { Config } from '../src/config/schema.ts';
import { silent } from '../src/runtime/log.ts';
import { outgoing, publishAll, type Outgoing } from '../src/broker/rabbitmq/publish-all.ts';
import { openPublishedLedger } from '../src/audit/published-ledger.ts';
import { createPublisher } from '../src/broker/rabbitmq/publisher.ts';
import { declareQueues } from '../src/broker/rabbitmq/queues.ts';
import { connectOnce } from '../src/broker/rabbitmq/connection.ts';
import { connectMongo } from '../src/mongo/client.ts';
import { sampleRegistrations } from '../src/simulator/samples.ts';

/** A database, queues and a task queue of its own for each run: what an earlier one left behind is not measured. */
export function ownNames(unique: string): Record<string, string> {
  return {
    DESPACHANTE_MONGODB_DATABASE: `bench_${unique}`,
    DESPACHANTE_RABBIT_INTAKE_QUEUE: `bench.${unique}`,
    DESPACHANTE_RABBIT_FAILURE_QUEUE: `bench.${unique}.failed`,
    DESPACHANTE_TEMPORAL_TASK_QUEUE: `bench-${unique}`,
    // As in production; and whatever key lies in the folder makes no difference.
    ENCRYPTION_KEYS: `bench:${Buffer.alloc(32, 1).toString('base64')}`,
    // A Schedule would outlive the bench, as its task queue does not.
    DESPACHANTE_SWEEPER_ENABLED: 'false',
  };
}

/** Publishes samples, as `publishTo` does. */
export function preload(
  config: Config,
  prefix: string,
  count: number,
  ledgerFile: string,
  perSecond: number | null = null,
): Promise<void> {
  const samples = [...sampleRegistrations({ count, seed: 1, prefix })];
  const messages = samples.map(({ id, body }) => outgoing(id, body));
  return publishTo(config, messages, ledgerFile, perSecond);
}

/**
 * Declares the queues and publishes; what the broker confirmed goes into the ledger file.
 * @param perSecond null for as fast as it goes
 */
export async function publishTo(
  config: Config,
  messages: readonly Outgoing[],
  ledgerFile: string,
  perSecond: number | null = null,
): Promise<void> {
  const connection = await connectOnce(config.amqpUrl, 'bench', config.rabbit.heartbeat);
  await declareQueues(connection, config.rabbit);
  await connection.close();
  const publisher = await createPublisher({
    url: config.amqpUrl,
    heartbeatMs: config.rabbit.heartbeat,
    name: 'bench',
    log: silent,
  });
  const ledger = await openPublishedLedger(ledgerFile);
  await publishAll({
    publisher,
    queue: config.rabbit.intakeQueue,
    messages,
    onConfirmed: (message) => ledger.add(message),
    perSecond,
  });
  await ledger.close();
  await publisher.close();
}

/**
 * Takes the database and the queues of its own away again. A store under load may take longer to drop a database than the driver
 * waits: what stays ends with the servers, and must not cost the figures. Never throws.
 */
export async function removeOwn(config: Config): Promise<void> {
  try {
    await deleteQueues(config);
    const { db, close } = await connectMongo(config);
    await db.dropDatabase().finally(close);
  } catch (error) {
    process.stderr.write(`The bench left a database or queues behind: ${String(error)}\n`);
  }
}

async function deleteQueues({ amqpUrl, rabbit }: Config): Promise<void> {
  const connection = await connectOnce(amqpUrl, 'bench', rabbit.heartbeat);
  const channel = await connection.createChannel();
  for (const queue of [rabbit.intakeQueue, rabbit.returnedQueue, rabbit.failureQueue]) {
    await channel.deleteQueue(queue);
  }
  await connection.close();
}
