import type { Config } from './schema.ts';

/** The address that registrations are POSTed to: what breaker and latencies are kept for. */
export const endpointOf = ({ legacyUrl, legacy }: Pick<Config, 'legacyUrl' | 'legacy'>): string =>
  legacyUrl + legacy.submitPath;
