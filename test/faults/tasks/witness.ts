/** What the worker of the scenarios says of itself: who ran, which attempt, when. */
import { existsSync, readFileSync } from 'node:fs';
import { z } from 'zod';

const line = z.object({
  what: z.enum(['begun', 'ended']),
  id: z.string(),
  attempt: z.number(),
  at: z.number(),
  version: z.string(),
});
export type Testimony = z.infer<typeof line>;

/** A line that a killed process has left half is none. */
export function testimonies(file: string): Testimony[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.flatMap((text) => {
    try {
      return [line.parse(JSON.parse(text))];
    } catch {
      return [];
    }
  });
}

/** How often attempts were begun again: each has begun once that was not. */
export function runAgain(all: readonly Testimony[]): number {
  const begun = all.filter(({ what }) => what === 'begun');
  return begun.length - new Set(begun.map(({ id, attempt }) => `${attempt} ${id}`)).size;
}
