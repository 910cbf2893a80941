/** The figures of the comparison: one entry for each contestant, count and kill. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';

const result = z.object({
  contestant: z.string(),
  count: z.number(),
  /** Null where nothing was killed. */
  killAtSeconds: z.number().nullable(),
  settled: z.number(),
  wallSeconds: z.number(),
  floorSeconds: z.number(),
  ratioToFloor: z.number(),
  lagP50Ms: z.number(),
  lagP99Ms: z.number(),
  getsPerRegistration: z.number(),
  filedTwice: z.number(),
  lost: z.number(),
  inDoubt: z.number(),
  /** Null after a kill. */
  workerCpuSeconds: z.number().nullable(),
  serverCpuSeconds: z.number(),
  peakRssMb: z.number().nullable(),
  /** Null for those that have no audit. */
  auditHolds: z.boolean().nullable(),
  date: z.string(),
  machine: z.string(),
  command: z.string(),
});

export type CompareResult = z.infer<typeof result>;

/** Empty when there is no such file. @throws ZodError when it is another one */
export function readResults(file: string): CompareResult[] {
  if (!existsSync(file)) return [];
  return z.array(result).parse(JSON.parse(readFileSync(file, 'utf8')));
}

/** Adds one, in the place of an earlier one of the same kind. */
export function addResult(file: string, added: CompareResult): void {
  const keyOf = ({ contestant, count, killAtSeconds }: CompareResult) =>
    [contestant, count, killAtSeconds].join(' ');
  const others = readResults(file).filter((each) => keyOf(each) !== keyOf(added));
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify([...others, added], null, 2)}\n`);
}
