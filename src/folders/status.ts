/** What a collector has seen at its last look, for `collect status`: a small file in the folder's own room. */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { ROOM } from '../domain/folders.ts';
import { shownName } from './names.ts';

export const STATUS_FILE = 'status.json';
const SHOWN = 20;

const counted = z.object({ count: z.number(), some: z.array(z.string()) });
const status = z.object({
  at: z.coerce.date(),
  host: z.string(),
  pid: z.number(),
  /** How long the look took. */
  tookMs: z.number(),
  /** Not ready yet, longest first. */
  waiting: z.object({
    count: z.number(),
    some: z.array(z.object({ name: z.string(), forMs: z.number() })),
  }),
  ready: z.object({ count: z.number(), bytes: z.number(), oldestMs: z.number().nullable() }),
  underWay: z.number(),
  /** By reason. */
  passed: z.record(z.string(), counted),
});

export type FolderStatus = z.output<typeof status>;

interface Look {
  host: string;
  tookMs: number;
  waiting: { name: string; since: number }[];
  ready: { bytes: number; since: number }[];
  underWay: number;
  passed: FolderStatus['passed'];
}

export function statusOf({ host, tookMs, waiting, ready, underWay, passed }: Look): FolderStatus {
  const now = performance.now();
  const forMs = (since: number): number => Math.round(now - since);
  return {
    ...{ at: new Date(), host, pid: process.pid, tookMs, underWay, passed },
    waiting: {
      count: waiting.length,
      some: waiting
        .slice(0, SHOWN)
        .map(({ name, since }) => ({ name: shownName(name), forMs: forMs(since) })),
    },
    ready: {
      count: ready.length,
      bytes: ready.reduce((sum, { bytes }) => sum + bytes, 0),
      oldestMs: ready[0] === undefined ? null : forMs(ready[0].since),
    },
  };
}

/** Null where none was written, or nobody can read it. */
export async function readStatus(path: string): Promise<FolderStatus | null> {
  try {
    return status.parse(JSON.parse(await readFile(`${path}/${ROOM}/${STATUS_FILE}`, 'utf8')));
  } catch {
    return null;
  }
}
