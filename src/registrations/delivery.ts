/** What a delivery is: a registration, or malformed with the reason. Nothing here throws. */
import { bodyHashOf } from '../broker/body-hash.ts';
import type { NewRegistration } from '../domain/registrations/batch.ts';
import { parseRegistration } from '../domain/registrations/registration.ts';
import type { Config } from '../config/schema.ts';
import { labelOf } from './label.ts';
import { redriveOf, wireOf } from '../broker/rabbitmq/message.ts';
import type { Delivery } from '../broker/rabbitmq/consumer.ts';

type ReadDelivery =
  | { ok: true; registration: NewRegistration }
  /** The reason tells nothing of the message's content. */
  | { ok: false; reason: string };

export function readDelivery(
  { body, properties, receivedAt }: Pick<Delivery, 'body' | 'properties' | 'receivedAt'>,
  config: Config,
): ReadDelivery {
  const parsed = parseRegistration(body, { ...config.registration, ...config.intake });
  if (!parsed.ok) return parsed;
  const { message, trouble } = wireOf(body, properties);
  // Headers of ours may be among them, and more of them lost.
  if (trouble !== null) return { ok: false, reason: `headers that cannot be kept: ${trouble}` };
  const registration: NewRegistration = {
    id: parsed.id,
    label: labelOf(parsed.id, config),
    bodyHash: bodyHashOf(body),
    message,
    receivedAt,
    ...redriveOf(properties.headers),
  };
  const size = encodedBytes(registration);
  if (size <= 2 * config.intake.batchBytes) return { ok: true, registration };
  return { ok: false, reason: `too large with its headers: ${size} bytes` };
}

/** What a registration adds to the run's input, near enough: base64 is ASCII, and the rest is small. */
export const encodedBytes = ({ message, id, label }: NewRegistration): number =>
  message.body.length +
  Buffer.byteLength(message.properties) +
  Buffer.byteLength(id) +
  label.length +
  200;

/** The properties of a delivery that was no registration, for its failure record. */
export const propertiesOf = ({ properties }: Pick<Delivery, 'properties'>): string =>
  wireOf(Buffer.alloc(0), properties).message.properties;
