/** One look at a folder, however many files it has: names as they come, a few of them in memory at a time. */
import { constants, type BigIntStats } from 'node:fs';
import { access, lstat, opendir } from 'node:fs/promises';
import { identityOf, type Identity } from './identity.ts';
import { isIgnored, pathIn } from './names.ts';

/** Why a name in the folder is not collected. */
export type Passed = 'ignored' | 'not-regular' | 'no-permission' | 'unreadable';

export type Seen =
  | { kind: 'file'; identity: Identity }
  | { kind: 'passed'; name: string; why: Passed; error?: string };

const AT_ONCE = 16;
const CHUNK = 256;

/**
 * Folders are not gone into, links not followed.
 * @param isWanted whether more than its name is to be known
 * @throws what opening the folder throws
 */
export async function* scan(
  path: string,
  isWanted: (name: string) => boolean,
): AsyncGenerator<Seen> {
  // Encoded so, each byte of a name is a character: no name is lost.
  const folder = await opendir(path, { encoding: 'latin1', bufferSize: 1_024 });
  let names: string[] = [];
  for await (const entry of folder) {
    const { name } = entry;
    if (entry.isDirectory() || name === '.' || name === '..') continue;
    if (isIgnored(name)) yield { kind: 'passed', name, why: 'ignored' };
    else if (isWanted(name)) names.push(name);
    if (names.length < CHUNK) continue;
    yield* await lookAt(path, names);
    names = [];
  }
  yield* await lookAt(path, names);
}

async function lookAt(path: string, names: readonly string[]): Promise<Seen[]> {
  const seen: Seen[] = [];
  const waiting = names.values();
  const lookOn = async (): Promise<void> => {
    for (const name of waiting) {
      const one = await lookAtOne(path, name);
      if (one !== null) seen.push(one);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lookOn));
  return seen;
}

/** Null where it is gone. */
async function lookAtOne(path: string, name: string): Promise<Seen | null> {
  let stats: BigIntStats;
  const file = pathIn(path, name);
  try {
    stats = await lstat(file, { bigint: true });
    if (stats.isDirectory()) return null;
    if (!stats.isFile()) return { kind: 'passed', name, why: 'not-regular' };
    if (!isReadableByMode(stats)) await access(file, constants.R_OK);
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT') return null;
    const isForbidden = code === 'EACCES' || code === 'EPERM' || code === 'EBUSY';
    return { kind: 'passed', name, why: isForbidden ? 'no-permission' : 'unreadable', error: code };
  }
  return { kind: 'file', identity: identityOf(name, stats) };
}

/** Spares a system call for each of a hundred thousand files: only those that not everybody may read are asked about. */
const isReadableByMode = ({ mode }: BigIntStats): boolean => (mode & 0o004n) !== 0n;

export const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : 'unknown';
