/** Pushes the sums of counted tasks to an HTTP API, one interval after the other (pushed.ts). */
import type { OwnDatabase } from '../mongo/collections.ts';
import { createHttpClient } from '../outbound/client.ts';
import { restBefore } from '../domain/backoff.ts';
import { every } from '../runtime/every.ts';
import { errorFacts, type Log } from '../runtime/log.ts';
import { within } from '../runtime/retry.ts';
import { openIntervals, pushDue, type Interval } from './pushed.ts';

export interface MetricApi {
  url: string;
  everyMs: number;
  /** Sent as Authorization; a secret. */
  authorization: string | null;
}

const TIMEOUT_MS = 10_000;
const MOST_ANSWER_BYTES = 64 * 1024;
const LONGEST_REST_MS = 5 * 60_000;
const LAST_PUSH_MS = 2_000;
/** A publisher that is silent for so much longer than an interval is gone. */
const GONE_MS = 30_000;

export type MetricPush = ReturnType<typeof startMetricPush>;

/** Nothing waits for it: whatever the API does, tasks go on. */
export function startMetricPush(
  db: OwnDatabase,
  { url, everyMs, authorization }: MetricApi,
  log: Log,
) {
  const { pathname, search, origin } = new URL(url);
  const http = createHttpClient({
    ...{ baseUrl: url, authorization, timeoutMs: TIMEOUT_MS, maxBytes: MOST_ANSWER_BYTES },
  });
  const intervals = openIntervals(db, everyMs + GONE_MS);
  let failures = 0;
  let notBefore = 0;

  /** Names that are 0 are left out. @throws Error that says why it was not taken */
  async function send({ tag, sums }: Interval): Promise<void> {
    const body = Object.fromEntries(Object.entries(sums).filter(([, sum]) => sum !== 0));
    const answer = await http.send({
      ...{ method: 'POST', path: pathname + search, isWholePath: true },
      headers: { 'content-type': 'application/json', 'idempotency-key': tag },
      body: Buffer.from(JSON.stringify(body)),
    });
    const status = answer.kind === 'answer' ? answer.status : (answer.head?.status ?? null);
    if (status !== null && status >= 200 && status < 300) return;
    const why = status === null ? (answer.kind === 'none' ? answer.reason : '') : `HTTP ${status}`;
    throw new Error(`The metric API at ${origin} has not taken an interval: ${why}`);
  }

  async function push(): Promise<void> {
    try {
      await pushDue(intervals, send);
      failures = 0;
      notBefore = 0;
    } catch (error) {
      failures += 1;
      const backoff = { kind: 'exponential', initial: everyMs, longest: LONGEST_REST_MS } as const;
      // A little less, so that the turn that is due then is not left out.
      notBefore = performance.now() + restBefore(backoff, failures) - everyMs / 2;
      throw error;
    }
  }

  const pushing = every(
    everyMs,
    () => (performance.now() < notBefore ? Promise.resolve() : push()),
    log,
    {
      runbook: 'files-stay',
      failed:
        'Metrics cannot be pushed: they are kept, and pushed later, at least every 5 minutes once more',
      again: 'Metrics are pushed again',
    },
  );

  return {
    /** Pushes once more what has happened, for a short while. Never throws. */
    async close(): Promise<void> {
      const last = pushing
        .close()
        .then(push)
        .finally(() => intervals.leave());
      await within(LAST_PUSH_MS, 'the last push of metrics', last).catch((error: unknown) =>
        log.info(errorFacts(error), 'The last metrics are pushed when a process begins again'),
      );
      await http.close();
    },
  };
}
