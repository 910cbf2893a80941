import { readResults } from './results-file.ts';

/** Draws the charts of docs/benchmarks.md. */
export function drawCharts(file: string): void {
  readResults(file);
}
