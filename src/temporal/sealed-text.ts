/** Text that lies outside of Temporal, encrypted as its payloads are: by the same keys, and only where those are. */
import proto from '@temporalio/proto';
import type { Config } from '../config/schema.ts';
import { codecKeysOf } from './keys.ts';
import { createPayloadCodec, isEncrypted } from './payload-codec.ts';

const wire = proto.temporal.api.common.v1.Payload;
/** JSON, so that whoever looks at it sees that nothing is broken. */
const MARK = /^\{"encrypted":"([A-Za-z0-9+/=]+)"\}$/;

/** @throws Error when the keys cannot be read */
export function sealedText({ encryption, encryptionKeys, temporal }: Config) {
  const codec = createPayloadCodec({
    ...codecKeysOf({ encryption, encryptionKeys }),
    strict: encryption.mode === 'on',
  });
  /** Moved to another name it is refused there. */
  const boundTo = (name: string) => ({
    ...{ type: 'workflow' as const, namespace: temporal.namespace, workflowId: name },
  });
  return {
    async seal(name: string, text: string): Promise<string> {
      const metadata = { encoding: Buffer.from('json/plain') };
      const [payload = {}] = await codec.encode(
        [{ metadata, data: Buffer.from(text) }],
        boundTo(name),
      );
      if (!isEncrypted(payload)) return text;
      const bytes = Buffer.from(wire.encode(payload).finish());
      return JSON.stringify({ encrypted: bytes.toString('base64') });
    },
    /** @throws DecryptionError with the remedy */
    async open(name: string, text: string): Promise<string> {
      const [, sealed] = MARK.exec(text) ?? [];
      const payload =
        sealed === undefined
          ? { data: Buffer.from(text) }
          : wire.decode(Buffer.from(sealed, 'base64'));
      const [{ data } = {}] = await codec.decode([payload], boundTo(name));
      return Buffer.from(data ?? []).toString();
    },
  };
}
