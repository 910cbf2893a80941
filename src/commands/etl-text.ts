/** A run over a list, as people read it. */
import type { EtlSummary, Progress } from '../etl/run/options.ts';
import type { Counts } from '../etl/ends.ts';
import { columns, line, number, paint } from './table.ts';

const WIDTH = 24;

export const failedIn = ({ failed }: Pick<Counts, 'failed'>): number =>
  Object.values(failed).reduce((sum, each) => sum + each, 0);

const bar = (share: number): string => {
  const full = Math.floor(share * WIDTH);
  return `[${'#'.repeat(full)}${'.'.repeat(WIDTH - full)}] ${String(Math.floor(share * 100)).padStart(3)} %`;
};

const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

/** @param seconds since the beginning */
export function progressText(at: Progress | null, seconds: number): string {
  if (at === null) return 'starting';
  if (at.phase === 'processing') {
    const { done, total, counts } = at;
    const share = total === 0 ? 1 : done / total;
    const failed = failedIn(counts);
    const left = done === 0 ? '' : ` · ${Math.ceil(((total - done) * seconds) / done)} s left`;
    return `processing ${bar(share)} ${number(done)} of ${number(total)}${failed > 0 ? ` · ${number(failed)} failed` : ''}${left}`;
  }
  const whole = at.total === null ? mb(at.done) : `${bar(at.done / at.total)} ${mb(at.done)}`;
  return `${at.phase} ${whole}`;
}

export function summaryText(summary: EtlSummary): string {
  const { finished, simulated, items, processed, failed, attempts, retries, coerced } = summary;
  const { p50Ms, p99Ms, resumed, seconds, itemsPerSecond, output, to, send, ledger, errors } =
    summary;
  const ended = processed + failedIn(summary);
  const rows = [
    ['run', summary.run],
    ['input', `${line(summary.input)}, ${number(items)} elements`],
    ['processed', number(processed)],
    ...Object.entries(failed).map(([own, count]) => [line(own), paint.red(number(count))]),
    ...(finished ? [] : [['not yet', paint.yellow(number(items - ended))]]),
    ['attempts', `${number(attempts)}, of which ${number(retries)} were retries`],
    ...(coerced > 0
      ? [['coerced', `${number(coerced)} had a value of another type (--strict refuses them)`]]
      : []),
    [
      'time',
      `${seconds} s, ${number(itemsPerSecond)} a second${resumed > 0 ? `, resumed ${resumed} times` : ''}`,
    ],
    ...(p50Ms === null
      ? []
      : [['an attempt', `p50 ${number(p50Ms)} ms, p99 ${number(p99Ms ?? 0)} ms`]]),
    ...(send === null ? [] : [['sent to', line(send)]]),
    output === null ? ['published to', line(to ?? '')] : ['output', line(output)],
    ...(ledger === null ? [] : [['ledger', line(ledger)]]),
    ...(failedIn(summary) > 0 ? [['errors', line(errors)]] : []),
  ];
  const said = finished
    ? 'Every element has ended'
    : 'It is stopped: run the same command again to go on with it';
  const head = simulated
    ? `${paint.yellow('SIMULATED')}: nothing but time was spent on them`
    : null;
  return [...(head === null ? [] : [head]), columns(rows), said].join('\n');
}
