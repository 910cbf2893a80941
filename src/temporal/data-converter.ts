/** How values become payloads and back, the same for everybody who speaks with Temporal: clients, workers, commands. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { DataConverter } from '@temporalio/common';
import type { Config } from '../config/schema.ts';
import type { Log } from '../runtime/log.ts';
import { fixedKeys, keysOfFile, parseKeys, type KeyRing } from '../runtime/encryption-keys.ts';
import { createPayloadCodec, type CodecKeys } from './payload-codec.ts';

type Settings = Pick<Config, 'encryption' | 'encryptionKeys'>;

/** Loaded by the SDK, in this process and in the sandbox of workflows. */
const FAILURE_CONVERTER = fileURLToPath(
  new URL('../../workflows/failure-converter.js', import.meta.url),
);

/** Those of the environment, else those of the file, else none. @throws Error that names the file */
function keyRingOf({ encryption, encryptionKeys }: Settings): KeyRing | null {
  if (encryptionKeys !== null) return fixedKeys(parseKeys(encryptionKeys));
  return existsSync(encryption.keyFile) ? keysOfFile(encryption.keyFile) : null;
}

/** Keys that are there although it is off still read what was written when it was on. */
export function codecKeysOf(config: Settings): CodecKeys {
  const reading = keyRingOf(config);
  const encrypts = config.encryption.mode !== 'off';
  return { writing: () => (encrypts ? (reading?.writing() ?? null) : null), reading };
}

/** @throws Error when the keys cannot be read */
export function dataConverterOf(config: Settings): DataConverter {
  const keys = codecKeysOf(config);
  return {
    payloadCodecs: [createPayloadCodec({ ...keys, strict: config.encryption.mode === 'on' })],
    // Messages of failures are no payloads: they are encrypted as one, or not at all.
    ...(keys.writing() === null ? {} : { failureConverterPath: FAILURE_CONVERTER }),
  };
}

/** Whether what we write is encrypted, for people. @throws Error when the keys cannot be read */
export function encryptionFacts(config: Settings): { writes: string | null; reads: string[] } {
  const { writing, reading } = codecKeysOf(config);
  return { writes: writing()?.id ?? null, reads: reading?.ids() ?? [] };
}

/** Said once, at the start of a process that writes to Temporal. @throws Error when the keys cannot be read */
export function warnIfPlain(config: Settings, log: Log): void {
  if (encryptionFacts(config).writes !== null) return;
  const remedy = config.encryption.mode === 'off' ? 'encryption.mode is off' : 'there are no keys';
  log.warn({}, `Messages are NOT ENCRYPTED in Temporal: ${remedy}`);
}
