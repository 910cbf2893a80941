// The section `encryption`, and what must be there for it.
import { existsSync } from 'node:fs';
import { z } from 'zod';
import type { Fault } from './config-faults.ts';
import { text, word } from './config-values.ts';
import { KEYS_EXPECTED, parseKeys } from './encryption-keys.ts';

const KEY_FILE = 'data/encryption.key';

/** Whether and with what everything that Temporal keeps of us is encrypted. */
export const encryption = z.strictObject({
  mode: word(['auto', 'on', 'off']).prefault('auto'),
  keyFile: text('the path of a file', 1000).prefault(KEY_FILE),
});

/** `id:key,id:key`; what is wrong is told without the keys. */
export function encryptionKeys() {
  return z.string(KEYS_EXPECTED).superRefine((value, context) => {
    try {
      parseKeys(value);
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      context.addIssue({ code: 'custom', message: `${KEYS_EXPECTED} (${problem})` });
    }
  });
}

interface Settings {
  readonly encryption: Readonly<z.output<typeof encryption>>;
  readonly encryptionKeys: string | null;
}

/**
 * The fault of a configuration that is to encrypt and has nothing to do it with: where it says `on`, where it names a key
 * file that is not there, and in production as long as nobody has said `off`.
 */
export function missingKeys(
  { encryption: { mode, keyFile }, encryptionKeys: keys }: Settings,
  isProduction: boolean,
  place: (path: string) => string,
): Fault[] {
  if (mode === 'off' || keys !== null || existsSync(keyFile)) return [];
  const fault = (where: string, path: string, got: string): Fault[] => [
    {
      where,
      path,
      expected: `keys in ENCRYPTION_KEYS, or a file of them at ${keyFile}`,
      got,
      hint: 'a key: echo "k1:$(openssl rand -base64 32)"; to do without: encryption.mode: off',
    },
  ];
  const isNamed = place('encryption.keyFile') !== 'defaults' && keyFile !== KEY_FILE;
  if (isNamed) {
    return fault(place('encryption.keyFile'), 'encryption.keyFile', 'neither');
  }
  if (mode === 'on') return fault(place('encryption.mode'), 'encryption.mode', 'neither');
  return isProduction
    ? fault('environment NODE_ENV', 'encryption.mode', 'neither, and this is production')
    : [];
}
