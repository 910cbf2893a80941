// Counts over the ledger, kept as entries arrive. No timer per registration: what has ended by now is found by a heap
// of the times at which registrations end, looked at only when something is asked or accepted.
import type { LedgerEntry } from './ledger.ts';

export interface SimulatorStats {
  accepted: number;
  refused: number;
  notAccepted: number;
  answersLost: number;
  gets: number;
  posts: number;
  /** accepted = done + failed + inFlight; inFlight includes those that never finish */
  inFlight: number;
  maxInFlight: number;
  /** registration ids accepted more than once */
  filedTwice: number;
  done: number;
  failed: number;
  /** of those in flight, the ones that never finish */
  never: number;
  /** first acceptance to the last end, past or to come: no client can be quicker; milliseconds */
  floorMs: number;
  /** epoch milliseconds, null before the first */
  firstAcceptedAt: number | null;
  /** end of the last registration to finish, past or to come; epoch milliseconds */
  lastDoneAt: number | null;
}

export interface Statistics {
  observe(entry: LedgerEntry): void;
  read(now: number, requests: { gets: number; posts: number }): SimulatorStats;
}

interface End {
  at: number;
  final: 'done' | 'failed';
}

export function createStatistics(): Statistics {
  const ends = createEnds();
  const filings = new Map<string, number>();
  const counts = { accepted: 0, refused: 0, notAccepted: 0, answersLost: 0 };
  const ended = { done: 0, failed: 0 };
  let maxInFlight = 0;
  let filedTwice = 0;
  let never = 0;
  let firstAcceptedAt: number | null = null;
  let lastDoneAt: number | null = null;

  const inFlightAt = (now: number): number => {
    for (let end = ends.takeUntil(now); end !== null; end = ends.takeUntil(now)) {
      ended[end.final] += 1;
    }
    return counts.accepted - ended.done - ended.failed;
  };

  const observeAccepted = (entry: LedgerEntry & { event: 'accepted' }): void => {
    const filed = (filings.get(entry.id) ?? 0) + 1;
    filings.set(entry.id, filed);
    if (filed === 2) filedTwice += 1;
    counts.accepted += 1;
    firstAcceptedAt ??= entry.at;
    if (entry.doneAt === null || entry.final === 'never') {
      never += 1;
    } else {
      ends.add({ at: entry.doneAt, final: entry.final });
      lastDoneAt = Math.max(lastDoneAt ?? 0, entry.doneAt);
    }
    maxInFlight = Math.max(maxInFlight, inFlightAt(entry.at));
  };

  return {
    observe(entry) {
      if (entry.event === 'accepted') observeAccepted(entry);
      if (entry.event === 'refused') counts.refused += 1;
      if (entry.event === 'not-accepted') counts.notAccepted += 1;
      if (entry.event === 'answer-lost') counts.answersLost += 1;
    },
    read(now, requests) {
      const inFlight = inFlightAt(now);
      const floorMs = (lastDoneAt ?? 0) - (lastDoneAt === null ? 0 : (firstAcceptedAt ?? 0));
      return {
        ...counts,
        ...requests,
        ...ended,
        inFlight,
        maxInFlight,
        never,
        filedTwice,
        floorMs,
        firstAcceptedAt,
        lastDoneAt,
      };
    },
  };
}

/** A binary heap, the earliest end on top. */
function createEnds() {
  const heap: End[] = [];
  const at = (place: number): number => heap[place]?.at ?? Infinity;
  const swap = (a: number, b: number): void => {
    const [x, y] = [heap[a], heap[b]];
    if (x === undefined || y === undefined) return;
    heap[a] = y;
    heap[b] = x;
  };
  return {
    add(end: End): void {
      let place = heap.push(end) - 1;
      for (let up = (place - 1) >> 1; place > 0 && at(up) > at(place); up = (place - 1) >> 1) {
        swap(up, place);
        place = up;
      }
    },
    /** Takes the earliest end out when it is not after `now`, else null. */
    takeUntil(now: number): End | null {
      const top = heap[0];
      if (top === undefined || top.at > now) return null;
      swap(0, heap.length - 1);
      heap.pop();
      for (let place = 0; ;) {
        const left = 2 * place + 1;
        const least = at(left + 1) < at(left) ? left + 1 : left;
        if (at(least) >= at(place)) return top;
        swap(least, place);
        place = least;
      }
    },
  };
}
