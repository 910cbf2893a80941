/** The figures of a run: as a table for people, and in a file. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { columns } from '../src/commands/table.ts';
import type { measure } from '../src/operations/measure.ts';

export const sumOf = (by: Record<string, number>): number =>
  Object.values(by).reduce((sum, each) => sum + each, 0);

export const round = (value: number): number => Math.round(value * 100) / 100;

export function rounded(measured: Awaited<ReturnType<typeof measure>>) {
  const one = (value: number | null) => (value === null ? null : round(value));
  return {
    settled: measured.settled,
    byOutcome: measured.byOutcome,
    floorSeconds: one(measured.floorSeconds),
    readySeconds: one(measured.readySeconds),
    wallSeconds: round(measured.wallSeconds),
    lagP50Ms: one(measured.lagP50Ms),
    lagP99Ms: one(measured.lagP99Ms),
    afterPollP50Ms: one(measured.afterPollP50Ms),
    afterPollP99Ms: one(measured.afterPollP99Ms),
    getsPerRegistration: one(measured.getsPerRegistration),
  };
}

export function report(out: string, figures: Record<string, unknown>): void {
  mkdirSync(dirname(out), { recursive: true });
  writeFileSync(out, `${JSON.stringify(figures, null, 2)}\n`);
  const rows = Object.entries(figures).map(([name, value]) => [
    name,
    typeof value === 'string' ? value : JSON.stringify(value),
  ]);
  process.stdout.write(`${columns(rows)}\n\nwritten to ${out}\n`);
}
