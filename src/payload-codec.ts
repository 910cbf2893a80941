/**
 * Encrypts what goes to Temporal and decrypts what comes from it: AES-256-GCM, with the key's id in the metadata, in the
 * layout of Temporal's own samples. What was written before it was on is read as it is.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { Payload, PayloadCodec } from '@temporalio/common';
import proto from '@temporalio/proto';
import type { EncryptionKey, KeyRing } from './encryption-keys.ts';

const ENCODING = 'binary/encrypted';
const CIPHER = 'aes-256-gcm';
/** The size that NIST SP 800-38D wants for GCM; random ones are good for 2^32 payloads under one key. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

const wire = proto.temporal.api.common.v1.Payload;

/** Told to people: it names keys by their ids, and shows nothing else. */
export class DecryptionError extends Error {
  override name = 'DecryptionError';
}

export interface CodecKeys {
  /** Null: nothing is encrypted. */
  writing: () => EncryptionKey | null;
  /** Null: there are none, and what is encrypted cannot be read. */
  reading: KeyRing | null;
}

export function createPayloadCodec({ writing, reading }: CodecKeys): PayloadCodec {
  return {
    encode: (payloads) =>
      settled(() => {
        const key = writing();
        return key === null ? payloads : payloads.map((payload) => seal(payload, key));
      }),
    decode: (payloads) => settled(() => payloads.map((payload) => open(payload, reading))),
  };
}

/** What is thrown becomes a rejection. */
const settled = <T>(work: () => T): Promise<T> => new Promise((resolve) => resolve(work()));

const utf8 = (bytes: Uint8Array | undefined | null): string => Buffer.from(bytes ?? []).toString();

export const isEncrypted = ({ metadata }: Payload): boolean =>
  utf8(metadata?.['encoding']) === ENCODING;

function seal(payload: Payload, { id, secret }: EncryptionKey): Payload {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, secret, nonce);
  const plain = wire.encode(payload).finish();
  const data = Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  const metadata = {
    encoding: Buffer.from(ENCODING),
    'encryption-cipher': Buffer.from('AES256GCM'),
    'encryption-key-id': Buffer.from(id),
  };
  return { metadata, data };
}

function open(payload: Payload, keys: KeyRing | null): Payload {
  if (!isEncrypted(payload)) return payload;
  const id = utf8(payload.metadata?.['encryption-key-id']);
  const key = keys?.find(id);
  if (key === undefined) {
    const ours = keys === null ? 'there are no keys here' : `ours are ${keys.ids().join(', ')}`;
    throw new DecryptionError(
      `A payload was encrypted with the key ${JSON.stringify(id.slice(0, 64))}, and ${ours}: add it to ENCRYPTION_KEYS, or to the file that encryption.keyFile names, after the first one`,
    );
  }
  const data = Buffer.from(payload.data ?? []);
  try {
    const decipher = createDecipheriv(CIPHER, key.secret, data.subarray(0, NONCE_BYTES), {
      authTagLength: TAG_BYTES,
    });
    decipher.setAuthTag(data.subarray(-TAG_BYTES));
    const plain = [decipher.update(data.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()];
    return wire.decode(Buffer.concat(plain));
  } catch {
    throw new DecryptionError(
      `A payload cannot be decrypted with our key "${id}": it was changed, or the key was another one under the same id`,
    );
  }
}
