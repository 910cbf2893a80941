// Kafka, for workers whose source is a topic. Its addresses and credentials come from the environment.
import { z } from 'zod';
import { tls } from './tls.ts';
import { flag, word } from './values.ts';

export const kafka = z.strictObject({
  enabled: flag().prefault(false),
  /** Whether it speaks TLS; the files say with which certificates. */
  ssl: flag().prefault(false),
  saslMechanism: word(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512']).prefault('PLAIN'),
  tls: tls('kafka'),
});

/** The variables that set them by names of their own. */
export const KAFKA_VARIABLES: Readonly<Record<string, string>> = {
  KAFKA_ENABLED: 'kafka.enabled',
};
