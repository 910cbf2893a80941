import { LEGACY } from '../domain/names.ts';
import type { HttpHandler } from './http-handler.ts';
import { maskUrl } from '../runtime/mask.ts';
import { DEFAULTS, type Config } from './schema.ts';

/** Whom requests are sent to. Breaker, limits and shares are kept under its name. */
export interface Endpoint {
  name: string;
  /** The address that registrations are POSTed to, say. A breaker that was opened for another one does not count. */
  address: string;
  /** The longest that one request takes, ms. */
  timeoutMs: number;
  breaker: Config['legacy']['breaker'];
}

/** Whom messages or files of a worker are delivered to. */
export interface Gated extends Endpoint {
  /** Requests at once, of one process. */
  concurrency: number;
  /** Over all processes; null is without a limit. */
  perSecond: number | null;
}

export const httpEndpoint = (worker: string, http: HttpHandler): Gated => ({
  name: `http-${worker}`,
  // Perhaps with a token in it, and it is written down while the breaker is open.
  address: maskUrl(http.url),
  timeoutMs: http.timeout,
  breaker: DEFAULTS.legacy.breaker,
  concurrency: http.concurrency,
  perSecond: http.perSecond,
});

export const legacyEndpoint = ({ legacyUrl, legacy }: Config): Endpoint => ({
  name: LEGACY,
  address: legacyUrl + legacy.submit.path,
  timeoutMs: Math.max(legacy.timeout, legacy.poll.timeout ?? 0, legacy.lookup.timeout ?? 0),
  breaker: legacy.breaker,
});
