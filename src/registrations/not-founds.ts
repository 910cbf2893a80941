/**
 * Whether a 404 to a POST that brings a reason speaks of the registration, or of the address: gateways and frameworks answer
 * with a reason, too, while the application is away. It is believed when the same registration is answered so twice, and the
 * system has accepted another one in between, all three one after the other. No deploy fits in, be the 404 its first one.
 * Where instances differ, a reason whose registration was accepted after all is not believed for a while.
 */
export interface NotFounds {
  /** A POST is about to be sent. */
  begin(): Moment;
  /** The POST of `key` was accepted. */
  accepted(key: string, begun: Moment): void;
  /** The POST of `key` was answered 404 with a reason: what is to be made of it. */
  read(key: string, reason: string, begun: Moment): 'refused' | 'seen first' | 'seen again';
}

/** When a POST was begun, and the latest begin of those that had been accepted by then. By the monotonic clock. */
export interface Moment {
  at: number;
  acceptedBegan: number;
}

/** How long a reason is not believed, ms: longer than a deploy, instance by instance. */
const DISPROVED_MS = 10 * 60_000;
const MOST_KEYS = 10_000;
const MOST_REASONS = 100;

/** @param now ms by a monotonic clock */
export function createNotFounds(now: () => number = () => performance.now()): NotFounds {
  /** When a registration was last answered so, and with what reason. */
  const seen = new Map<string, { at: number; reason: string }>();
  /** When a registration that was answered with this reason was accepted after all. */
  const disproved = new Map<string, number>();
  let acceptedBegan = -Infinity;
  return {
    begin: () => ({ at: now(), acceptedBegan }),
    accepted(key, begun) {
      acceptedBegan = Math.max(acceptedBegan, begun.at);
      const before = seen.get(key);
      if (before === undefined) return;
      seen.delete(key);
      keep(disproved, before.reason, now(), MOST_REASONS);
    },
    read(key, reason, begun) {
      const before = seen.get(key);
      const isWell = before !== undefined && begun.acceptedBegan > before.at;
      const disprovedAt = disproved.get(reason) ?? -Infinity;
      if (isWell && now() - disprovedAt > DISPROVED_MS) {
        seen.delete(key);
        return 'refused';
      }
      keep(seen, key, { at: now(), reason }, MOST_KEYS);
      return before === undefined ? 'seen first' : 'seen again';
    },
  };
}

/** The oldest gives way. */
function keep<V>(map: Map<string, V>, key: string, value: V, most: number): void {
  map.delete(key);
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > most && oldest !== undefined) map.delete(oldest);
}
