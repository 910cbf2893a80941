/** A neighbour cannot be reached, or takes nothing for now: whoever asks again later may be answered. */
export class Away extends Error {
  override name = 'Away';
}

const GRPC_UNAVAILABLE = 14;

/** Also by what the clients of MongoDB and Temporal throw where a server is lost on the way: by their names, since they are not loaded for that. */
export function isAway(error: unknown): boolean {
  if (error instanceof Away) return true;
  if (!(error instanceof Error)) return false;
  const isLost = /^(MongoNetwork|MongoServerSelection|Transport)/.test(error.name);
  return isLost || ('code' in error && error.code === GRPC_UNAVAILABLE) || isAway(error.cause);
}
