/** How clients of Kafka are made, and what their errors mean. @platformatic/kafka is known in this folder alone. */
import { isIP } from 'node:net';
import type { BaseOptions } from '@platformatic/kafka';
import { readTls, tlsTrouble, withTlsTrouble, type TlsFiles } from '../../net/tls.ts';
import { BrokerRefusal } from '../refusals.ts';

export interface KafkaOptions {
  /** As host:port. */
  bootstrapServers: readonly string[];
  /** Shown in the broker's logs and metrics. */
  clientId: string;
  /** Null for a connection without TLS. Files are read at each start of a client; none is the machine's own CAs. */
  tls: TlsFiles | null;
  sasl: Sasl | null;
}

export interface Sasl {
  mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512';
  username: string;
  password: string;
}

/** Without retries of the library's own, which give up in silence or never; topics are never made by accident. */
export function clientOptions(options: KafkaOptions): BaseOptions {
  const { bootstrapServers, clientId, tls, sasl } = options;
  const isNamed = bootstrapServers.some((server) => isIP(hostOf(server)) === 0);
  return {
    clientId,
    bootstrapBrokers: [...bootstrapServers],
    autocreateTopics: false,
    retries: 0,
    ...(tls === null ? {} : { tls: readTls(tls), tlsServerName: isNamed }),
    ...(sasl === null ? {} : { sasl: { ...sasl } }),
  };
}

const hostOf = (server: string): string =>
  server.slice(0, server.lastIndexOf(':')).replace(/^\[|\]$/g, '');

/** The names of Kafka's errors in it, such as MESSAGE_TOO_LARGE, however deep. */
export const errorIds = (error: unknown): ReadonlySet<string> =>
  new Set(
    chain(error).flatMap((each) => {
      const id: unknown = Reflect.get(each, 'apiId');
      return typeof id === 'string' ? [id] : [];
    }),
  );

/** An error, what caused it, and what it gathers. */
function chain(error: unknown, depth = 0): Error[] {
  if (!(error instanceof Error) || depth > 8) return [];
  const gathered: unknown[] = error instanceof AggregateError ? error.errors : [];
  const below = [error.cause, ...gathered].flatMap((each) => chain(each, depth + 1));
  return [error, ...below];
}

/** The library wraps what the network and the broker say, so the innermost words are the ones that tell. */
export function reasonOf(error: unknown): string {
  const inner = chain(error).filter((each) => !(each.cause instanceof Error) && !gathers(each));
  const told = [...new Set(inner.map(wordsOf))].join('; ') || String(error);
  return withTlsTrouble(told, told, 'kafka');
}

const gathers = (error: Error): boolean =>
  error instanceof AggregateError && error.errors.length > 0;

function wordsOf(error: Error): string {
  const id: unknown = Reflect.get(error, 'apiId');
  return typeof id === 'string' ? `${id}: ${error.message}` : error.message;
}

/**
 * An error of a client as one with the broker's address, the cause and, where it is of no use to try again, the remedy.
 * @param what could not be done, e.g. `read from topic "emails"`
 */
export function kafkaError(error: unknown, options: KafkaOptions, what: string): Error {
  const sentence = `Cannot ${what} of Kafka at ${options.bootstrapServers.join(', ')}: ${reasonOf(error)}`;
  const remedy = remedyOf(error, options);
  if (remedy !== null) return new BrokerRefusal(`${sentence}. ${remedy}`, { cause: error });
  // A certificate that is not trusted is not trusted later, either; the sentence has the remedy.
  return tlsTrouble(sentence, 'kafka') === null
    ? new Error(sentence, { cause: error })
    : new BrokerRefusal(sentence, { cause: error });
}

function remedyOf(error: unknown, { sasl }: KafkaOptions): string | null {
  const ids = errorIds(error);
  const told = chain(error).map(({ message }) => message);
  const isRefused = (text: string) => told.some((message) => message.includes(text));
  if (isRefused('authentication failed') || ids.has('SASL_AUTHENTICATION_FAILED')) {
    return sasl === null
      ? 'It asks for a user: set KAFKA_USERNAME and KAFKA_PASSWORD'
      : `Check KAFKA_USERNAME ("${sasl.username}"), KAFKA_PASSWORD and kafka.saslMechanism (${sasl.mechanism})`;
  }
  if (ids.has('UNSUPPORTED_SASL_MECHANISM') || isRefused('does not support mechanism')) {
    return `Choose a kafka.saslMechanism that the broker offers (now ${sasl?.mechanism ?? 'none'})`;
  }
  if (isRefused('Broker requires TLS')) return 'Set kafka.ssl: true, or give the port without TLS';
  if (ids.has('UNKNOWN_TOPIC_OR_PARTITION') || isRefused('Unknown topic')) {
    return 'Create the topic, or correct its name';
  }
  if (ids.has('TOPIC_AUTHORIZATION_FAILED')) {
    return 'Give the user the right to it (kafka-acls: READ on what it takes from, WRITE on what it publishes to)';
  }
  if (ids.has('GROUP_AUTHORIZATION_FAILED')) {
    return 'Give the user the right READ on the group (kafka-acls)';
  }
  return null;
}
