import type { KafkaOptions } from '../broker/kafka/connection.ts';
import { BrokerRefusal } from '../broker/refusals.ts';
import type { Config } from '../config/schema.ts';

/** How Kafka is reached. @param who needs it. @throws BrokerRefusal with the remedy where it is not enabled, or half of the credentials are missing */
export function kafkaLink(config: Config, who: string): KafkaOptions {
  const { kafka, kafkaBootstrapServers, kafkaUsername: username, kafkaPassword: password } = config;
  if (!kafka.enabled)
    throw new BrokerRefusal(
      `${who} takes from a topic of Kafka or publishes to one, and kafka.enabled is false: set KAFKA_ENABLED=true and KAFKA_BOOTSTRAP_SERVERS`,
    );
  if ((username === null) !== (password === null))
    throw new BrokerRefusal('Set KAFKA_USERNAME and KAFKA_PASSWORD, both or neither');
  const { ssl, tls, saslMechanism: mechanism } = kafka;
  const isSecure = ssl || tls.caFile !== null || tls.certFile !== null;
  return {
    bootstrapServers: kafkaBootstrapServers.split(',').map((each) => each.trim()),
    clientId: 'despachante',
    tls: isSecure ? tls : null,
    sasl: username === null || password === null ? null : { mechanism, username, password },
  };
}
