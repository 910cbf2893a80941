import type { SeenProcess } from '../coordination/processes.ts';
import { columns, line, number, paint, when } from './table.ts';

/** What a process has not said is not there, and never a zero. */
export function processesText(processes: readonly SeenProcess[]): string {
  if (processes.length === 0) return 'No worker and no intake has run within a day';
  return columns([
    ['process', 'at', 'version', 'since', 'last beat', 'load', 'suffers'].map((cell) =>
      paint.bold(cell),
    ),
    ...processes.map((each) => [
      ...[each.role, `${line(each.host)}:${each.pid}`, line(each.version), when(each.since)],
      beatText(each),
      // Of one that is gone they say nothing any more.
      ...(each.state === 'alive' ? [loadText(each), sufferingText(each)] : []),
    ]),
  ]);
}

function beatText({ state, silentMs, stoppedAt }: SeenProcess): string {
  const ago = `${number(Math.max(0, Math.round(silentMs / 1_000)))} s ago`;
  switch (state) {
    case 'alive':
      return ago;
    case 'offline':
      return `${paint.red('OFFLINE')}, ${ago}`;
    case 'stopped':
      return `stopped ${when(stoppedAt)}`;
  }
}

function loadText({ endpoints = {}, source, vitals }: SeenProcess): string {
  const said = Object.entries(endpoints).map(
    ([name, { onTheWire, share }]) => `${onTheWire} of ${share} requests to ${line(name)}`,
  );
  if (source !== null) said.push(`${number(source.deliveries)} deliveries in hand`);
  if (vitals !== null) {
    said.push(`${number(Math.round(vitals.rss / 2 ** 20))} MiB`);
    said.push(`${number(Math.round(vitals.loopDelayMs))} ms late`);
  }
  return said.join(', ') || '–';
}

function sufferingText({ suffers, source, endpoints = {} }: SeenProcess): string {
  const waits = Object.values(endpoints).map(({ waitReason }) => waitReason);
  const words = [suffers, source?.closedBy ?? null, ...waits].flatMap((each) =>
    each === null ? [] : [line(each)],
  );
  return words.length === 0 ? '–' : paint.yellow(words.join('; '));
}
