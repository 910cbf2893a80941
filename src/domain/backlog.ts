/**
 * Seconds until nothing is left if nothing more comes; null when nothing moves.
 * @param backlog `waiting` in the queues; `inFlight`: taken and not settled, without those in doubt; `perSecond`: settled of late
 */
export function clearIn(backlog: {
  waiting: number;
  inFlight: number;
  perSecond: number;
}): number | null {
  const { waiting, inFlight, perSecond } = backlog;
  const left = waiting + inFlight;
  if (left === 0) return 0;
  return perSecond > 0 ? left / perSecond : null;
}
