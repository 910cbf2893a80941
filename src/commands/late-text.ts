/** What operators read of a late result, wherever they meet it. */
import type { Config } from '../config/schema.ts';
import type { LateResult } from '../claims/claims.ts';
import type { FailureMessage } from '../broker/rabbitmq/dead-letter-queue.ts';
import { lateResultsOf } from '../registrations/late.ts';
import { part } from '../operations/part.ts';
import { withStore } from '../registrations/neighbours.ts';
import { paint } from './table.ts';

/** In a line. */
export const lateText = ({ status }: LateResult): string =>
  paint.yellow(
    status === 'done'
      ? 'the legacy system has finished it later: redrive it, it is not POSTed again'
      : 'the legacy system has failed it later: redrive it to have that told, it is not POSTed again',
  );

/** By claim; empty when MongoDB is away, since the failure queue can be read without it. */
export async function lateResults(
  failures: readonly Pick<FailureMessage, 'claim' | 'failureClass'>[],
  config: Config,
): Promise<Map<string, LateResult>> {
  const keys = failures.flatMap(({ claim, failureClass }) =>
    claim !== null && failureClass === 'timed-out' ? [claim] : [],
  );
  if (keys.length === 0) return new Map();
  const found = await part(withStore(config, (store) => lateResultsOf(store, keys)));
  return found.ok ? found.value : new Map<string, LateResult>();
}
