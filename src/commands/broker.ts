import type { RabbitConnection } from '../broker/rabbitmq/connection.ts';
import type { Config } from '../config/schema.ts';
import { connectOnce } from '../broker/rabbitmq/connection.ts';

/**
 * RabbitMQ for as long as a command needs it.
 * @throws Error that names the address when it cannot be reached, or what `work` throws
 */
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
