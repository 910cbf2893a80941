/** Reads in RabbitMQ's words whether it refuses us for good, and says how that is mended. */
import { unreachable } from '../../net/tls.ts';
import { maskUrl } from '../../runtime/mask.ts';
import { BrokerRefusal } from '../refusals.ts';

const text = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** A right of a user of RabbitMQ, by its place in `rabbitmqctl set_permissions`. */
type Right = 'configure' | 'write' | 'read';

const grant = (right: Right, resource: string): string =>
  `Give the user of AMQP_URL the ${right} permission on "${resource}" (rabbitmqctl set_permissions, its ${
    { configure: 'first', write: 'second', read: 'third' }[right]
  } pattern)`;

export const isAccessRefused = (error: unknown): boolean => /ACCESS[_-]REFUSED/.test(text(error));

/** Another 404 is one of a queue that is there, while the node that has it is down. */
export const isMissingQueue = (error: unknown): boolean =>
  /NOT_FOUND - no queue '/.test(text(error));

/** What to do about a broker that does not let us in; null where that is no refusal for good. */
export function remedyOfLogin(error: unknown): string | null {
  const why = text(error);
  // Of connections: there may be fewer of them in a moment.
  if (/limit .*is reached/.test(why)) return null;
  const missing = /vhost '?(.+?)'? not found/.exec(why)?.[1];
  if (missing !== undefined) {
    return `There is no vhost "${missing}": create it (rabbitmqctl add_vhost ${missing}), or correct it, the path of AMQP_URL`;
  }
  const closed = /access to vhost '(.*?)' refused for user '(.*?)'/.exec(why);
  if (closed !== null) {
    return `User "${closed[2]}" has no rights in the vhost "${closed[1]}": grant them (rabbitmqctl set_permissions -p), or correct the vhost, the path of AMQP_URL`;
  }
  return isAccessRefused(error) ? 'Check user and password in AMQP_URL' : null;
}

/** A limit of connections, which is no fault of AMQP_URL. */
export const remedyOfLimit = (error: unknown): string | null =>
  /limit .*is reached/.test(text(error))
    ? 'Close connections, or raise the limit (rabbitmqctl set_vhost_limits, set_user_limits)'
    : null;

/** The error, or a refusal that says which right is missing, or who locks the queue. */
export function refusedAt(error: unknown, right: Right, resource: string): unknown {
  const why = text(error);
  if (isAccessRefused(error)) {
    return new BrokerRefusal(`${why}. ${grant(right, resource)}`, { cause: error });
  }
  if (/RESOURCE[_-]LOCKED/.test(why)) {
    const remedy = `Another connection has the queue "${resource}" for itself alone: end that one, or name another queue in the configuration`;
    return new BrokerRefusal(`${why}. ${remedy}`, { cause: error });
  }
  return error;
}

export function refusedLogin(error: unknown, url: string, why: string): Error {
  const sentence = `Cannot connect to RabbitMQ at ${maskUrl(url)}: ${why}`;
  const remedy = remedyOfLogin(error);
  if (remedy !== null) return new BrokerRefusal(`${sentence}. ${remedy}`, { cause: error });
  const limit = remedyOfLimit(error);
  return unreachable(limit === null ? sentence : `${sentence}. ${limit}`, error, 'rabbit');
}
