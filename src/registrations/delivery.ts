/** Reads a delivery as a registration, or says why it is malformed. Never throws. */
import { bodyHashOf } from '../broker/body-hash.ts';
import type { Delivery, Message } from '../broker/source.ts';
import type { Config } from '../config/schema.ts';
import type { NewRegistration } from '../domain/registrations/item.ts';
import { parseRegistration, type ParseRules } from '../domain/registrations/registration.ts';
import type { Read } from '../intake/intake.ts';
import { labelOf } from '../intake/label.ts';

export const parseRules = ({ registration, intake, mongodb }: Config): ParseRules => ({
  ...registration,
  ...intake,
  matchType: mongodb.matchType,
});

export function readDelivery(
  delivery: Message & Pick<Delivery, 'receivedAt'>,
  config: Config,
): Read<NewRegistration> {
  const { body, properties, trouble, receivedAt, failedGeneration, token } = delivery;
  const parsed = parseRegistration(body, parseRules(config));
  if (!parsed.ok) return parsed;
  // Headers of ours may be among them, and more of them lost.
  if (trouble !== null) return { ok: false, reason: `headers that cannot be kept: ${trouble}` };
  const item: NewRegistration = {
    id: parsed.id,
    ...(parsed.writtenId === undefined ? {} : { writtenId: parsed.writtenId }),
    label: labelOf(parsed.id, config),
    bodyHash: bodyHashOf(body),
    message: { body: body.toString('base64'), properties },
    receivedAt,
    failedGeneration,
    ...(token === undefined ? {} : { token }),
  };
  const size = encodedBytes(item);
  if (size <= 2 * config.intake.batchBytes) return { ok: true, item };
  return { ok: false, reason: `too large with its headers: ${size} bytes` };
}

/** What a registration adds to the run's input, near enough: base64 is ASCII, and the rest is small. */
export const encodedBytes = ({ message, id, label }: NewRegistration): number =>
  message.body.length +
  Buffer.byteLength(message.properties) +
  Buffer.byteLength(id) +
  label.length +
  200;
