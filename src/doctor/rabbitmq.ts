/** Is RabbitMQ there, and are the queues what we declare? Nothing is declared for the asking. */
import { connectOnce, type RabbitConnection } from '../broker/rabbitmq/connection.ts';
import type { Config } from '../config/schema.ts';
import { startServer, unwell, warning, well, why, type Diagnosis } from './diagnosis.ts';
import { queueDepths, declarations, declare } from '../broker/rabbitmq/queues.ts';
import { remedyOfLimit, remedyOfLogin } from '../broker/rabbitmq/refusal.ts';
import { BrokerRefusal } from '../broker/refusals.ts';
import { tlsTrouble } from '../net/tls.ts';

/** Quorum queues with at-least-once dead-lettering came with 3.10. */
const OLDEST = '3.10';

/** Never throws. */
export async function diagnoseRabbit({ amqpUrl, rabbit }: Config): Promise<Diagnosis[]> {
  let connection: RabbitConnection;
  try {
    connection = await connectOnce(amqpUrl, 'despachante doctor', rabbit.heartbeat, rabbit.tls);
  } catch (error) {
    const remedy =
      tlsTrouble(error, 'rabbit') ??
      remedyOfLogin(error) ??
      remedyOfLimit(error) ??
      startServer('RabbitMQ', 'AMQP_URL to where it is');
    return [unwell('reachable', causeOf(error), remedy)];
  }
  try {
    const found = [versionOf(connection)];
    for (const declaration of declarations(rabbit)) {
      found.push(await diagnoseQueue(connection, declaration, rabbit));
    }
    return found;
  } catch (error) {
    const remedy =
      'Give the user of AMQP_URL the permissions that docs/reference/rights.md names (rabbitmqctl set_permissions)';
    return [versionOf(connection), unwell('queues', why(error), remedy)];
  } finally {
    await connection.close().catch(() => {});
  }
}

function versionOf({ connection }: RabbitConnection): Diagnosis {
  const { product, version } = connection.serverProperties;
  const found = `${product} ${version}`;
  const remedy = `Upgrade to ${OLDEST} or later: its quorum queues cannot keep what we need`;
  const isOld = version.localeCompare(OLDEST, 'en', { numeric: true }) < 0;
  return isOld ? unwell('reachable', found, remedy) : well('reachable', found);
}

async function diagnoseQueue(
  connection: RabbitConnection,
  declaration: ReturnType<typeof declarations>[number],
  rabbit: Config['rabbit'],
): Promise<Diagnosis> {
  const { queue } = declaration;
  const check = `queue ${queue}`;
  // To declare a queue that is missing would make it.
  const depth = (await queueDepths(connection, [queue]))[queue];
  if (depth === null || depth === undefined) {
    const remedy = 'Nothing, if nobody has ever taken from it: whoever begins to declares it';
    return warning(check, 'not there yet', remedy);
  }
  const size = `${depth.messages} messages, ${depth.consumers} consumers`;
  const difference = await declare(connection, declaration);
  if (difference === null) {
    return well(check, `quorum, delivery limit ${rabbit.deliveryLimit}; ${size}`);
  }
  const found = `declared otherwise: ${difference}`;
  const remedy =
    'Move its messages and delete it, so that it is declared anew, or name another queue in the configuration';
  if (rabbit.existingQueues !== 'adopt')
    return unwell(check, found, `${remedy}, or set rabbit.existingQueues: adopt`);
  const risk =
    'As it is, RabbitMQ may drop or move a message that was handed out too often, after 20 times by default on version 4';
  return warning(check, `adopted, ${found}; ${size}`, `${remedy}. ${risk}`);
}

/** Without the remedy, which is told for itself. */
const causeOf = (error: unknown): string =>
  error instanceof BrokerRefusal ? why(error.cause) : why(error);
