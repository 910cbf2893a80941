/** What a run has come to, for people and programs. */
import { maskUrl } from '../../runtime/mask.ts';
import type { Ends } from '../ends.ts';
import { isHttp } from '../fetch.ts';
import type { EtlState, StateFolder } from '../state.ts';
import { percentile } from '../times.ts';
import type { EtlOptions, EtlSummary } from './options.ts';

export const shown = (input: string): string => (isHttp(input) ? maskUrl(input) : input);

export function summaryOf(
  { input, output, errors, to, process, send }: EtlOptions,
  { run, items, digest, resumed, workedMs, times }: EtlState,
  folder: StateFolder,
  ends: Ends,
  finished: boolean,
): EtlSummary {
  const counts = ends.counts();
  const seconds = workedMs / 1_000;
  return {
    ...{
      run,
      finished,
      simulated: process === null && send === null,
      input: shown(input),
      inputSha256: digest,
      items,
    },
    ...counts,
    retries: counts.attempts - ends.all(),
    ...{ resumed, seconds: Math.round(seconds * 10) / 10 },
    ...{ p50Ms: percentile(times, 0.5), p99Ms: percentile(times, 0.99) },
    itemsPerSecond: seconds > 0 ? Math.round(ends.all() / seconds) : 0,
    ...{
      output: to === null ? output : null,
      to,
      send: send === null ? null : maskUrl(send),
      errors,
      ledger: to === null ? null : folder.ledger,
    },
  };
}
