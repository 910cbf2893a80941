/** What results files and the parts of documents that are made of them have in common. */
import { cpus, totalmem } from 'node:os';

/** What figures were measured on, as results files say it. */
export const machine = (): string =>
  `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`;

/** On which days and machines: `on 2026-11-22 on 2 × …`. */
export function onWhich(results: readonly { date: string; machine: string }[]): string {
  const machines = [...new Set(results.map((each) => each.machine))].join('. On ');
  const days = [...new Set(results.map(({ date }) => date.slice(0, 10)))].sort().join(', ');
  return `on ${days} on ${machines}`;
}

/** A table of Markdown. */
export const markdown = (head: string[], rows: string[][]): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

/**
 * The document with this part in the place that it keeps for what comes from `source`, between two comments.
 * @throws Error when it has no such place
 */
export function withPart(document: string, source: string, part: string): string {
  const begin = `<!-- from ${source}: begin -->`;
  const end = `<!-- from ${source}: end -->`;
  const [before, rest] = document.split(begin);
  const after = rest?.split(end)[1];
  if (before === undefined || after === undefined) throw new Error(`no "${begin}" in a document`);
  return `${before}${begin}\n\n${part}\n\n${end}${after}`;
}
