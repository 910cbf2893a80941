/**
 * Encrypts what goes to Temporal and decrypts what comes from it: AES-256-GCM, in the layout of Temporal's own samples. The id of
 * the key and the run stand beside a payload in clear and are authenticated with it: moved to another run, it is refused there.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { Payload, PayloadCodec, SerializationContext } from '@temporalio/common';
import proto from '@temporalio/proto';
import type { EncryptionKey, KeyRing } from '../runtime/encryption-keys.ts';

const ENCODING = 'binary/encrypted';
const CIPHER = 'aes-256-gcm';
/** The size that NIST SP 800-38D wants for GCM; random ones are good for 2^32 payloads under one key. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** The run of what was written by somebody who is told none: Temporal Web by way of the codec server, say. */
const UNBOUND = '';

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
  /** Whether what is not encrypted is refused; else it is read as it is, as from the time before encryption was on. */
  strict?: boolean;
}

export function createPayloadCodec({ writing, reading, strict = false }: CodecKeys): PayloadCodec {
  return {
    encode: (payloads, context) =>
      settled(() => {
        const key = writing();
        return key === null ? payloads : payloads.map((each) => seal(each, key, runOf(context)));
      }),
    decode: (payloads, context) =>
      settled(() =>
        payloads.map((payload) => {
          if (isEncrypted(payload)) return open(payload, reading, runOf(context));
          if (strict) throw new DecryptionError(PLAIN);
          return payload;
        }),
      ),
  };
}

const PLAIN =
  'A payload is not encrypted, and encryption.mode is "on": whoever wrote it had no keys. While runs from before encryption are open, set encryption.mode to auto';

/** Undefined where the SDK does not say, as for whoever only shows payloads. */
const runOf = (context: SerializationContext | undefined): string | undefined =>
  context?.workflowId;

/** What is thrown becomes a rejection. */
const settled = <T>(work: () => T): Promise<T> => new Promise((resolve) => resolve(work()));

const utf8 = (bytes: Uint8Array | undefined | null): string => Buffer.from(bytes ?? []).toString();

export const isEncrypted = ({ metadata }: Payload): boolean =>
  utf8(metadata?.['encoding']) === ENCODING;

function seal(payload: Payload, { id, secret }: EncryptionKey, run = UNBOUND): Payload {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, secret, nonce);
  cipher.setAAD(besides(id, run));
  const plain = wire.encode(payload).finish();
  const data = Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  const metadata = {
    encoding: Buffer.from(ENCODING),
    'encryption-cipher': Buffer.from('AES256GCM'),
    'encryption-key-id': Buffer.from(id),
    'encryption-run': Buffer.from(run),
  };
  return { metadata, data };
}

/** What is authenticated and not encrypted. */
const besides = (id: string, run: string): Buffer => Buffer.from(JSON.stringify([CIPHER, id, run]));

function open(payload: Payload, keys: KeyRing | null, reader: string | undefined): Payload {
  const id = utf8(payload.metadata?.['encryption-key-id']);
  const key = keys?.find(id);
  if (key === undefined) {
    const ours = keys === null ? 'there are no keys here' : `ours are ${keys.ids().join(', ')}`;
    throw new DecryptionError(
      `A payload was encrypted with the key ${JSON.stringify(id.slice(0, 64))}, and ${ours}: add it to ENCRYPTION_KEYS, or to the file that encryption.keyFile names, after the first one`,
    );
  }
  const run = utf8(payload.metadata?.['encryption-run']);
  if (reader !== undefined && run !== UNBOUND && run !== reader) {
    throw new DecryptionError(
      `A payload of the run ${JSON.stringify(run.slice(0, 200))} stands in the run ${JSON.stringify(reader)}: somebody has moved it there`,
    );
  }
  const data = Buffer.from(payload.data ?? []);
  try {
    const decipher = createDecipheriv(CIPHER, key.secret, data.subarray(0, NONCE_BYTES), {
      authTagLength: TAG_BYTES,
    });
    decipher.setAAD(besides(id, run));
    decipher.setAuthTag(data.subarray(-TAG_BYTES));
    const plain = [decipher.update(data.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()];
    return wire.decode(Buffer.concat(plain));
  } catch {
    throw new DecryptionError(
      `A payload cannot be decrypted with our key "${id}": it was changed, or the key was another one under the same id`,
    );
  }
}
