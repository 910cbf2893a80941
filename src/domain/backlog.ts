/** When what waits will be done, by how fast it goes now. Pure. */

export interface Backlog {
  /** In the queues, not yet taken. */
  waiting: number;
  /** Taken and not settled, without those in doubt: they wait for a person. */
  inFlight: number;
  /** Settled a second, of late. */
  perSecond: number;
}

/** Seconds until nothing is left if nothing more comes; null when nothing moves. */
export function clearIn({ waiting, inFlight, perSecond }: Backlog): number | null {
  const left = waiting + inFlight;
  if (left === 0) return 0;
  return perSecond > 0 ? left / perSecond : null;
}
