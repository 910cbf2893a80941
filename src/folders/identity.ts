/** Which file it is: its name as bytes, and what the file system says of it. A file that was written again is another one. */
import { createHash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { z } from 'zod';

export interface Identity {
  /** Bytes as latin1: names need be no UTF-8. */
  name: string;
  size: number;
  mtimeNs: string;
  /** A rename changes it: a file that was put back is a new one. */
  ctimeNs: string;
  inode: string;
  dev: string;
}

export const identityOf = (name: string, stats: BigIntStats): Identity => ({
  name,
  size: Number(stats.size),
  mtimeNs: String(stats.mtimeNs),
  ctimeNs: String(stats.ctimeNs),
  inode: String(stats.ino),
  dev: String(stats.dev),
});

/** Whether the content may be taken for the same. */
export const isSame = (a: Identity, b: Identity): boolean =>
  isSameContent(a, b) && a.inode === b.inode && a.dev === b.dev && a.ctimeNs === b.ctimeNs;

/** Of one under our own name: the rename has changed its ctime, and mounted anew it has another device, perhaps another inode. */
export const isSameContent = (a: Identity, b: Identity): boolean =>
  a.size === b.size && a.mtimeNs === b.mtimeNs;

/** Of a file, over all attempts and processes: 24 hex digits. */
export const fileIdOf = (folder: string, path: string, identity: Identity): string =>
  createHash('sha256')
    .update(JSON.stringify([folder, path, identity]))
    .digest('hex')
    .slice(0, 24);

const known = z.object({
  folder: z.string(),
  name: z.string(),
  size: z.number(),
  mtimeNs: z.string(),
  ctimeNs: z.string(),
  inode: z.string(),
  dev: z.string(),
});

/** The body of a file's task: where it lies, never what is in it. */
export const encodeFile = (folder: string, identity: Identity): Buffer =>
  Buffer.from(JSON.stringify({ folder, ...identity }));

/** @throws Error where it is none */
export function decodeFile(body: Buffer): { folder: string; identity: Identity } {
  const { folder, ...identity } = known.parse(JSON.parse(body.toString()));
  return { folder, identity };
}
