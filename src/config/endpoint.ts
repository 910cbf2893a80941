import { LEGACY } from '../domain/names.ts';
import type { Config } from './schema.ts';

/** Whom requests are sent to. Breaker, limits and shares are kept under its name. */
export interface Endpoint {
  name: string;
  /** The address that registrations are POSTed to, say. A breaker that was opened for another one does not count. */
  address: string;
  /** The longest that one request takes, ms. */
  timeoutMs: number;
  breaker: Config['legacy']['breaker'];
}

export const legacyEndpoint = ({ legacyUrl, legacy }: Config): Endpoint => ({
  name: LEGACY,
  address: legacyUrl + legacy.submit.path,
  timeoutMs: Math.max(legacy.timeout, legacy.poll.timeout ?? 0, legacy.lookup.timeout ?? 0),
  breaker: legacy.breaker,
});
