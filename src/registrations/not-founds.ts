/**
 * Whether a 404 to a POST that gives a reason is about the registration or the address. An application answers so when it
 * knows no such municipality; a gateway answers so to everybody, in the same words, while the application is away. So the 404
 * is believed until the same words have come often in a row without another answer of the application. A deploy ends: words
 * that last for longer are believed again.
 */

/** So many in a row: an application may refuse a handful alike. */
const BELIEVED = 20;
/** Longer than a deploy, instance by instance. */
const LONGEST_MS = 10 * 60_000;

/** @param now ms by a monotonic clock */
export function createNotFounds(now: () => number = () => performance.now()) {
  let row: { reason: string; count: number; since: number } | null = null;
  return {
    /** The application itself has answered a POST. */
    heard: () => void (row = null),
    /** Whether a POST that was answered 404 with this reason is refused by it. */
    isRefusal: (reason: string): boolean => {
      if (row?.reason !== reason) row = { reason, count: 0, since: now() };
      row.count += 1;
      return row.count <= BELIEVED || now() - row.since > LONGEST_MS;
    },
  };
}
