/** Which keys are written and read with. */
import { existsSync } from 'node:fs';
import type { Config } from '../config/schema.ts';
import { fixedKeys, keysOfFile, parseKeys, type KeyRing } from '../runtime/encryption-keys.ts';
import type { Log } from '../runtime/log.ts';
import type { CodecKeys } from './payload-codec.ts';

type Settings = Pick<Config, 'encryption' | 'encryptionKeys'>;

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

/** Whether what we write is encrypted, for people. @throws Error when the keys cannot be read */
export function encryptionFacts(config: Settings): { writes: string | null; reads: string[] } {
  const { writing, reading } = codecKeysOf(config);
  return { writes: writing()?.id ?? null, reads: reading?.ids() ?? [] };
}

/** Said once, at the start of a process that writes to Temporal. @throws Error when the keys cannot be read */
export function warnIfPlain(config: Settings, log: Log): void {
  if (encryptionFacts(config).writes !== null) return;
  const remedy = config.encryption.mode === 'off' ? 'encryption.mode is off' : 'there are no keys';
  log.warn({ runbook: 'encryption-key' }, `Messages are NOT ENCRYPTED in Temporal: ${remedy}`);
}
