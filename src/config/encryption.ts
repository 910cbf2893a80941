// The section `encryption`, and what must be there for it.
import { existsSync } from 'node:fs';
import { z } from 'zod';
import type { Fault } from './faults.ts';
import { text, word } from './values.ts';
import { isReadByAll, KEYS_EXPECTED, parseKeys } from '../runtime/encryption-keys.ts';

const KEY_FILE = 'data/encryption.key';
const A_FILE = 'the path of a file; keys themselves stand in ENCRYPTION_KEYS';

/** Whether and with what everything that Temporal keeps of us is encrypted. */
export const encryption = z.strictObject({
  mode: word(['auto', 'on', 'off']).prefault('auto'),
  keyFile: text(A_FILE, 1000)
    .refine((value) => problemOf(value) !== null, A_FILE)
    .prefault(KEY_FILE),
});

/** `id:key,id:key`; what is wrong is told without the keys. */
export function encryptionKeys() {
  return z.string(KEYS_EXPECTED).superRefine((value, context) => {
    const problem = problemOf(value);
    if (problem === null) return;
    context.addIssue({ code: 'custom', message: `${KEYS_EXPECTED} (${problem})` });
  });
}

function problemOf(keys: string): string | null {
  try {
    parseKeys(keys);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
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
  const file = keyFile === KEY_FILE ? `at ${KEY_FILE}` : 'where encryption.keyFile says';
  const expected = `keys in ENCRYPTION_KEYS, or a file of them ${file}`;
  const hint = 'a key: echo "k1:$(openssl rand -base64 32)"; to do without: encryption.mode: off';
  const fault = (where: string, path: string, got: string): Fault[] => [
    { where, path, expected, got, hint },
  ];
  const isNamed = place('encryption.keyFile') !== 'defaults' && keyFile !== KEY_FILE;
  if (isNamed) return fault(place('encryption.keyFile'), 'encryption.keyFile', 'neither');
  if (mode === 'on') return fault(place('encryption.mode'), 'encryption.mode', 'neither');
  return isProduction
    ? fault('environment NODE_ENV', 'encryption.mode', 'neither, and this is production')
    : [];
}

interface Files {
  readonly tls: { readonly keyFile: string | null };
}

/** Files of keys that every user of the machine can read: told, and no way to run in production. */
export function exposedKeys(
  config: Settings & { readonly [section in (typeof NEIGHBOURS)[number]]: Files },
  place: (path: string) => string,
): Fault[] {
  const files: [path: string, file: string | null][] = [
    ['encryption.keyFile', config.encryptionKeys === null ? config.encryption.keyFile : null],
    ...NEIGHBOURS.map((section): [string, string | null] => {
      return [`${section}.tls.keyFile`, config[section].tls.keyFile];
    }),
  ];
  const exposed = files.filter(([, file]) => file !== null && isReadByAll(file));
  return exposed.map(([path]) => ({
    where: place(path),
    path,
    expected: 'a file that not every user of this machine can read',
    got: 'one that they can',
    hint: 'chmod 600; for a Secret of Kubernetes, defaultMode: 0440',
  }));
}

const NEIGHBOURS = ['rabbit', 'mongodb', 'temporal', 'legacy'] as const;
