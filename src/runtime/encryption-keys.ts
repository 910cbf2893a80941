/** The keys that payloads are encrypted with: from the environment or a file, several to read, one to write. */
import { createHmac, createSecretKey, randomBytes, type KeyObject } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { versionOf } from './file-version.ts';

export interface EncryptionKey {
  id: string;
  secret: KeyObject;
}

/** Never empty: the first one writes, all read. */
export type EncryptionKeys = readonly [EncryptionKey, ...EncryptionKey[]];

export const KEYS_EXPECTED =
  'keys such as k2:…,k1:…, each an id and 32 bytes in base64, of which the first one writes';

const KEY_BYTES = 32;
const ID = /^[A-Za-z0-9._-]{1,64}$/;
const BASE64 = /^[A-Za-z0-9+/_-]+={0,2}$/;

/**
 * Reads `id:base64`, separated by commas or lines; blank lines and those that begin with # are left out.
 * @throws Error that says what is wrong, and shows nothing of a key
 */
export function parseKeys(source: string): EncryptionKeys {
  const words = source
    .split(/[\r\n]+/)
    .filter((line) => !/^\s*#/.test(line))
    .flatMap((line) => line.split(','))
    .map((word) => word.trim())
    .filter((word) => word !== '');
  const keys = words.map(parseKey);
  const [first, ...others] = keys;
  if (first === undefined) throw new Error('there is no key');
  const again = keys.findIndex(({ id }, at) => keys.findIndex((each) => each.id === id) !== at);
  if (again >= 0) throw new Error(`key ${again + 1} has the id of another one`);
  return [first, ...others];
}

function parseKey(word: string, at: number): EncryptionKey {
  const colon = word.indexOf(':');
  const id = word.slice(0, Math.max(colon, 0));
  // What stands in the place of the id may be the key itself.
  if (!ID.test(id)) {
    throw new Error(
      `key ${at + 1} has no id before a ":", of letters, digits, ".", "_" and "-", 64 at most`,
    );
  }
  const encoded = word.slice(colon + 1).trim();
  if (!BASE64.test(encoded)) throw new Error(`key ${at + 1} is not in base64`);
  const bytes = Buffer.from(encoded, 'base64');
  if (bytes.length !== KEY_BYTES) {
    throw new Error(
      `key ${at + 1} has ${bytes.length} bytes and needs ${KEY_BYTES}: openssl rand -base64 ${KEY_BYTES}`,
    );
  }
  return { id, secret: createSecretKey(bytes) };
}

/** @throws Error that names the file */
export function readKeyFile(file: string): EncryptionKeys {
  try {
    return parseKeys(readFileSync(file, 'utf8'));
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    throw new Error(
      `The encryption keys of ${file} cannot be used: ${problem}. Put the file back as it was; if it never held a key, remove it, and "npm start" makes a new one`,
      { cause: error },
    );
  }
}

/**
 * Makes a key in a file that only this user can read; false when the file is there already. It appears whole or not at all,
 * and survives a power cut: written beside it, flushed, and linked to its name, which fails if somebody was faster.
 * @throws Error of the file system
 */
export function createKeyFile(file: string): boolean {
  if (existsSync(file)) return false;
  const folder = dirname(file);
  mkdirSync(folder, { recursive: true });
  const id = `local-${new Date().toISOString().slice(0, 10)}`;
  const lines = [
    '# Without this key nobody can read what Temporal has kept of runs. The first key writes, all read.',
    `${id}:${randomBytes(KEY_BYTES).toString('base64')}`,
  ];
  const whole = `${file}.${process.pid}-${randomBytes(4).toString('hex')}.new`;
  try {
    writeFileSync(whole, `${lines.join('\n')}\n`, { mode: 0o600, flag: 'wx', flush: true });
    linkSync(whole, file);
    flushFolder(folder);
    return true;
  } catch (error) {
    // Another process was faster, and its key is the one.
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(whole, { force: true });
  }
}

/** A name is on the disk only when its folder is. */
function flushFolder(folder: string): void {
  const handle = openSync(folder, 'r');
  fsyncSync(handle);
  closeSync(handle);
}

/** A file of keys that every user of this machine can read; false where there is none. */
export function isReadByAll(file: string): boolean {
  const mode = statSync(file, { throwIfNoEntry: false })?.mode ?? 0;
  return process.platform !== 'win32' && (mode & 0o004) !== 0;
}

/** Tells one key from another of the same id, and nothing else. */
export const markOf = ({ secret }: EncryptionKey): string =>
  createHmac('sha256', secret).update('which key').digest('hex').slice(0, 16);

export interface KeyRing {
  writing(): EncryptionKey;
  /** Undefined when it is not among ours, also after another look at the file. */
  find(id: string): EncryptionKey | undefined;
  ids(): string[];
}

export const fixedKeys = (keys: EncryptionKeys): KeyRing => ({
  writing: () => keys[0],
  find: (id) => keys.find((key) => key.id === id),
  ids: () => keys.map(({ id }) => id),
});

/**
 * The keys of a file, read again when it has changed, so that keys are rotated while we run. A file that is broken or gone
 * then changes nothing: what was read stays.
 * @param believedMs how long a file is believed to be as it was
 * @throws Error that names the file, when it cannot be read at first
 */
export function keysOfFile(file: string, believedMs = 1_000): KeyRing {
  let keys = readKeyFile(file);
  let version = versionOf(file);
  let lookedAt = performance.now();

  function look(): void {
    lookedAt = performance.now();
    const now = versionOf(file);
    if (now === version) return;
    try {
      keys = readKeyFile(file);
      version = now;
    } catch {
      // Perhaps half written: the next look may find it whole.
    }
  }

  const current = (): EncryptionKeys => {
    if (performance.now() - lookedAt >= believedMs) look();
    return keys;
  };
  return {
    writing: () => current()[0],
    find(id) {
      const found = keys.find((key) => key.id === id);
      if (found !== undefined) return found;
      // Another process has it already, so it may be in the file by now.
      look();
      return keys.find((key) => key.id === id);
    },
    ids: () => current().map(({ id }) => id),
  };
}
