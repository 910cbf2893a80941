/**
 * Whether a 404 to a POST that says why speaks of the registration, or of the address. An application answers so when it knows no
 * such municipality; a gateway, or a framework, while the application is away: to everybody, and in the same words. So it is
 * believed, but not once the same words have come in a row and nobody has heard the application itself in between. A deploy ends:
 * words that last for longer are believed again.
 */
export interface NotFounds {
  /** The application itself has answered a POST. */
  heard: () => void;
  /** A POST was answered 404 with this reason: whether that refuses the registration. */
  isRefusal: (reason: string) => boolean;
}

/** So many in a row are believed: an application may refuse a handful alike. */
const BELIEVED = 20;
/** Longer than a deploy, instance by instance. */
const LONGEST_MS = 10 * 60_000;

/** @param now ms by a monotonic clock */
export function createNotFounds(now: () => number = () => performance.now()): NotFounds {
  let row: { reason: string; count: number; since: number } | null = null;
  return {
    heard: () => void (row = null),
    isRefusal: (reason) => {
      if (row?.reason !== reason) row = { reason, count: 0, since: now() };
      row.count += 1;
      return row.count <= BELIEVED || now() - row.since > LONGEST_MS;
    },
  };
}
