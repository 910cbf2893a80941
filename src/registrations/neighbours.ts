/** Connections to MongoDB, RabbitMQ and Temporal for as long as some work needs them. */
import type { Client } from '@temporalio/client';
import { connectOnce, type RabbitConnection } from '../broker/rabbitmq/connection.ts';
import { createPublisher, type Publisher } from '../broker/rabbitmq/publisher.ts';
import type { Config } from '../config/schema.ts';
import type { Log } from '../runtime/log.ts';
import type { Opener } from '../mongo/own-database.ts';
import { openStore, type Store } from './store.ts';

/** @throws Error that names the address when it cannot be reached, or what `work` throws */
export async function withStore<T>(
  config: Config,
  work: (store: Store) => Promise<T>,
  as: Opener = 'reader',
): Promise<T> {
  const store = await openStore(config, as);
  return work(store).finally(() => store.close());
}

/** One that stays. @throws as createPublisher */
export const openPublisher = (
  { amqpUrl: url, rabbit }: Config,
  name: string,
  log: Log,
): Promise<Publisher> =>
  createPublisher({ url, heartbeatMs: rabbit.heartbeat, tls: rabbit.tls, name, log });

/** Its client is loaded only now: that takes as long as all else of a command. @throws as withStore */
export async function withTemporal<T>(
  config: Config,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const { connectTemporal } = await import('../temporal/client.ts');
  const client = await connectTemporal(config);
  return work(client).finally(() => client.connection.close());
}

/** @throws as withStore */
export async function withRabbit<T>(
  { amqpUrl, rabbit }: Config,
  work: (connection: RabbitConnection) => Promise<T>,
): Promise<T> {
  const connection = await connectOnce(
    amqpUrl,
    'despachante command',
    rabbit.heartbeat,
    rabbit.tls,
  );
  return work(connection).finally(() => connection.close().catch(() => {}));
}
