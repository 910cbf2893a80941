/** A neighbour cannot be reached, or takes nothing for now: whoever asks again later may be answered. */
export class Away extends Error {
  override name = 'Away';
}

const GRPC_UNAVAILABLE = 14;

/**
 * Also by what the clients of MongoDB and Temporal throw where a server is lost on the way: by their names, since they are not loaded for
 * that. An error of ours with such a cause knows better: a certificate that nobody trusts is as wrong in a minute.
 */
export function isAway(error: unknown): boolean {
  if (error instanceof Away) return true;
  if (!(error instanceof Error)) return false;
  if (/^(MongoNetwork|MongoServerSelection|Transport)/.test(error.name)) return true;
  if ('code' in error && error.code === GRPC_UNAVAILABLE) return true;
  return error.name === 'ServiceError' && isAway(error.cause);
}
