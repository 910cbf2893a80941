/** How the elements have ended so far, each counted once, in the files that show it. */
import { z } from 'zod';
import { errorLine, type Failed } from './element.ts';
import type { WholeFile } from './whole-file.ts';

export const countsSchema = z.object({
  processed: z.number(),
  /** By class. */
  failed: z.record(z.string(), z.number()),
  attempts: z.number(),
  /** Resources with a value that was taken for another type. */
  coerced: z.number(),
});
export type Counts = Readonly<z.infer<typeof countsSchema>>;

const keptSchema = z.object({ value: z.unknown(), coerced: z.array(z.string()).optional() });

export type Ends = ReturnType<typeof createEnds>;

/** @param output null: what is processed goes elsewhere */
export function createEnds(items: number, output: WholeFile | null, errors: WholeFile) {
  const seen = new Uint8Array(items);
  const failed: Record<string, number> = {};
  const counts = { processed: 0, attempts: 0, coerced: 0, all: 0 };

  function isNew(index: number, attempts: number): boolean {
    if (index >= items || seen[index] === 1) return false;
    seen[index] = 1;
    counts.all += 1;
    counts.attempts += attempts;
    return true;
  }

  return {
    items,
    has: (index: number): boolean => seen[index] === 1,
    done(index: number, attempts: number, kept: unknown): void {
      const { value, coerced } = keptSchema.parse(kept);
      if (!isNew(index, attempts)) return;
      counts.processed += 1;
      if (coerced !== undefined) counts.coerced += 1;
      output?.add(JSON.stringify(value));
    },
    failed(one: Failed): void {
      if (!isNew(one.index, one.attempts)) return;
      failed[one.class] = (failed[one.class] ?? 0) + 1;
      errors.add(errorLine(one));
    },
    /** To the working files: of a million they are more than a text can hold. */
    append: async (): Promise<void> => {
      await output?.append();
      await errors.append();
    },
    all: () => counts.all,
    counts: (): Counts => {
      const { processed, attempts, coerced } = counts;
      return { processed, failed: { ...failed }, attempts, coerced };
    },
    showIfDue: async (): Promise<void> => {
      await output?.showIfDue();
      await errors.showIfDue();
    },
    show: async (): Promise<void> => {
      await output?.show();
      await errors.show();
    },
    close: async (): Promise<void> => {
      await output?.close();
      await errors.close();
    },
  };
}
